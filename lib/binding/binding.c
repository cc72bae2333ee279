#include "binding/binding.h"
