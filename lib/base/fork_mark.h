/*
 * Tells the process that made an object from the children it forks, at the
 * price of one load.  The mark lies in a page that the kernel wipes on fork
 * (madvise(2), MADV_WIPEONFORK, Linux 4.14); where it does not, getpid() is
 * compared instead.
 */
#ifndef BASE_FORK_MARK_H
#define BASE_FORK_MARK_H

#include <stdatomic.h>
#include <stdbool.h>

struct fork_mark {
	atomic_long *owner; /* pid; 0: wiped; negative: that child adopts */
	bool wiped_by_kernel;
};

/* The calling process owns it.  False when memory is short. */
bool fork_mark_init(struct fork_mark *mark);
void fork_mark_clear(struct fork_mark *mark);

/*
 * True, to one thread of a child: it must make the object its own and then
 * call fork_mark_adopted(); other threads wait in here meanwhile.
 */
bool fork_mark_claim(struct fork_mark *mark);
/* done false: the next thread to come tries again. */
void fork_mark_adopted(struct fork_mark *mark, bool done);

#endif
