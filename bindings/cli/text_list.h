/* Strings in the order in which they were given; owned. */
#ifndef CLI_TEXT_LIST_H
#define CLI_TEXT_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct text_list {
	char **items;
	size_t count;
};

/* Copies len bytes and ends them with NUL; false when memory is short. */
bool text_list_add(struct text_list *list, const char *item, size_t len);
void text_list_clear(struct text_list *list);

#endif
