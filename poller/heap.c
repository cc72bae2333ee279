#include "poller/heap.h"

#include <stdlib.h>

#define CAPACITY_MIN 16

void
heap_clear(struct heap *heap)
{
	free(heap->nodes);
	*heap = (struct heap){0};
}

bool
heap_reserve(struct heap *heap, size_t count)
{
	size_t capacity = heap->capacity ? heap->capacity : CAPACITY_MIN;
	struct heap_node **nodes;

	if (count <= heap->capacity)
		return true;
	/* Places have 32 bits; the limit on enclaves lies far below. */
	if (count > UINT32_MAX / 2)
		return false;
	while (capacity < count)
		capacity *= 2;
	nodes = realloc(heap->nodes, capacity * sizeof(struct heap_node *));
	if (!nodes)
		return false;
	heap->nodes = nodes;
	heap->capacity = capacity;
	return true;
}

static void
put(struct heap *heap, size_t index, struct heap_node *node)
{
	heap->nodes[index] = node;
	node->place = (uint32_t)index + 1;
}

static void
rise(struct heap *heap, size_t index, struct heap_node *node)
{
	while (index > 0) {
		size_t parent = (index - 1) / 2;
		if (heap->nodes[parent]->due_ms <= node->due_ms)
			break;
		put(heap, index, heap->nodes[parent]);
		index = parent;
	}
	put(heap, index, node);
}

static void
sink(struct heap *heap, size_t index, struct heap_node *node)
{
	for (;;) {
		size_t child = 2 * index + 1;
		if (child >= heap->count)
			break;
		if (child + 1 < heap->count &&
		    heap->nodes[child + 1]->due_ms < heap->nodes[child]->due_ms)
			child++;
		if (node->due_ms <= heap->nodes[child]->due_ms)
			break;
		put(heap, index, heap->nodes[child]);
		index = child;
	}
	put(heap, index, node);
}

/* node belongs near index; whichever way it has to go, it goes. */
static void
settle(struct heap *heap, size_t index, struct heap_node *node)
{
	if (index > 0 && node->due_ms < heap->nodes[(index - 1) / 2]->due_ms)
		rise(heap, index, node);
	else
		sink(heap, index, node);
}

void
heap_set(struct heap *heap, struct heap_node *node, int64_t due_ms)
{
	node->due_ms = due_ms;
	if (node->place) {
		settle(heap, node->place - 1, node);
		return;
	}
	heap->count++;
	rise(heap, heap->count - 1, node);
}

void
heap_remove(struct heap *heap, struct heap_node *node)
{
	size_t index = node->place;
	struct heap_node *last;

	if (!index)
		return;
	index--;
	node->place = 0;
	heap->count--;
	last = heap->nodes[heap->count];
	if (last != node)
		settle(heap, index, last);
}

struct heap_node *
heap_first(const struct heap *heap)
{
	return heap->count ? heap->nodes[0] : NULL;
}
