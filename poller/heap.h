/*
 * Due times in order: a binary heap of nodes that live inside what they are
 * due for, so that moving or removing one of ten thousand costs a few steps
 * and no search.
 */
#ifndef POLLER_HEAP_H
#define POLLER_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct heap_node {
	int64_t due_ms;
	uint32_t place; /* in its heap, from 1; 0: in none */
};

struct heap {
	struct heap_node **nodes;
	size_t count;
	size_t capacity;
};

/* All zero is an empty heap. */
void heap_clear(struct heap *heap);
/* Room for count nodes in all, so that heap_set() can't fail; false: no
 * memory. */
bool heap_reserve(struct heap *heap, size_t count);
/* Puts the node in, or moves it. */
void heap_set(struct heap *heap, struct heap_node *node, int64_t due_ms);
/* Takes the node out, if it is in. */
void heap_remove(struct heap *heap, struct heap_node *node);
/* The earliest, or NULL. */
struct heap_node *heap_first(const struct heap *heap);

#endif
