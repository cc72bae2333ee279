/* The n-th call that can fail does, once (linked with --wrap). */
#ifndef TORTURE_H
#define TORTURE_H

#include <stdbool.h>

/* From now on the n-th call fails, from 0. */
void torture_begin(unsigned int n);
/* Whether it came to that call. */
bool torture_end(void);

#endif
