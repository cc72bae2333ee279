#include "base/fork_mark.h"

#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

/* The kernel rounds it up to a page, whatever its pages are. */
#define MARK_BYTES sizeof(atomic_long)
/* Above every pid (PID_MAX_LIMIT of Linux is 1 << 22). */
#define PART_BIT (1L << 24)

bool
fork_mark_init(struct fork_mark *mark)
{
	void *page = mmap(NULL, MARK_BYTES, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		return false;
	mark->owner = page;
	mark->wiped_by_kernel = !madvise(page, MARK_BYTES, MADV_WIPEONFORK);
	atomic_init(mark->owner, getpid());
	return true;
}

void
fork_mark_clear(struct fork_mark *mark)
{
	if (mark->owner)
		(void)munmap(mark->owner, MARK_BYTES);
	mark->owner = NULL;
}

/* owner is a mark that self may have left. */
static enum fork_share
share_of(long owner, long self)
{
	if (owner == self)
		return FORK_SHARE_WHOLE;
	return owner == (self | PART_BIT) ? FORK_SHARE_PART : FORK_SHARE_NONE;
}

bool
fork_mark_claim(
    struct fork_mark *mark, enum fork_share wanted, enum fork_share *ret_has)
{
	const struct timespec pause = {.tv_nsec = 100000};
	long owner = atomic_load_explicit(mark->owner, memory_order_acquire);
	enum fork_share has;
	long self;

	if (mark->wiped_by_kernel && owner > 0 &&
	    share_of(owner, owner & ~PART_BIT) >= wanted)
		return false;
	self = getpid();
	for (;;) {
		has = share_of(owner, self);
		if (has >= wanted)
			return false;
		if (owner == -self) {
			(void)nanosleep(&pause, NULL);
			owner = atomic_load_explicit(
			    mark->owner, memory_order_acquire);
		} else if (atomic_compare_exchange_strong_explicit(mark->owner,
			       &owner, -self, memory_order_acq_rel,
			       memory_order_acquire)) {
			*ret_has = has;
			return true;
		}
	}
}

void
fork_mark_adopted(struct fork_mark *mark, enum fork_share has)
{
	long owner = has ? (long)getpid() : 0;

	if (has == FORK_SHARE_PART)
		owner |= PART_BIT;
	atomic_store_explicit(mark->owner, owner, memory_order_release);
}

long
fork_mark_pid(const struct fork_mark *mark)
{
	return atomic_load_explicit(mark->owner, memory_order_acquire) &
	       ~PART_BIT;
}
