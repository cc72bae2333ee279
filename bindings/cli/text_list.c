#include "text_list.h"

#include <stdlib.h>
#include <string.h>

bool
text_list_add(struct text_list *list, const char *item, size_t len)
{
	char **items;
	char *copy = strndup(item, len);

	if (!copy)
		return false;
	items =
	    reallocarray(list->items, list->count + 1, sizeof(list->items[0]));
	if (!items) {
		free(copy);
		return false;
	}
	items[list->count++] = copy;
	list->items = items;
	return true;
}

void
text_list_clear(struct text_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i]);
	free(list->items);
	*list = (struct text_list){0};
}
