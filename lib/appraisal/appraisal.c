#include "appraisal/appraisal.h"
