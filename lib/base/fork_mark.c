#include "base/fork_mark.h"

#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

/* The kernel rounds it up to a page, whatever its pages are. */
#define MARK_BYTES sizeof(atomic_long)

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

bool
fork_mark_claim(struct fork_mark *mark)
{
	const struct timespec pause = {.tv_nsec = 100000};
	long owner = atomic_load_explicit(mark->owner, memory_order_acquire);
	long self;

	if (mark->wiped_by_kernel && owner > 0)
		return false;
	self = getpid();
	for (;;) {
		if (owner == self)
			return false;
		if (owner == -self) {
			(void)nanosleep(&pause, NULL);
			owner = atomic_load_explicit(
			    mark->owner, memory_order_acquire);
		} else if (atomic_compare_exchange_strong_explicit(mark->owner,
			       &owner, -self, memory_order_acq_rel,
			       memory_order_acquire)) {
			return true;
		}
	}
}

void
fork_mark_adopted(struct fork_mark *mark, bool done)
{
	atomic_store_explicit(
	    mark->owner, done ? (long)getpid() : 0, memory_order_release);
}
