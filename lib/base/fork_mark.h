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
	/* pid; 0: wiped; negative: that child adopts.  With a bit that no pid
	 * has where it adopted a part. */
	atomic_long *owner;
	bool wiped_by_kernel;
};

/* The calling process owns it.  False when memory is short. */
bool fork_mark_init(struct fork_mark *mark);
void fork_mark_clear(struct fork_mark *mark);

/* How much of the object a process has made its own. */
enum fork_share {
	FORK_SHARE_NONE,
	FORK_SHARE_PART, /* all but what only further use needs */
	FORK_SHARE_WHOLE,
};

/*
 * True, to one thread of a child that has less than wanted: it must make the
 * rest of the object its own and then call fork_mark_adopted(); other threads
 * wait in here meanwhile.  *ret_has is set with true alone.
 */
bool fork_mark_claim(
    struct fork_mark *mark, enum fork_share wanted, enum fork_share *ret_has);
/* The calling process's pid, once it has a share. */
long fork_mark_pid(const struct fork_mark *mark);
/* Less than was wanted: the next thread to come tries again. */
void fork_mark_adopted(struct fork_mark *mark, enum fork_share has);

#endif
