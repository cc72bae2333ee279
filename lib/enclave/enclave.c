#include "enclave/enclave.h"
