/* Every option there is: parsing, help, manual and completion read this. */
#ifndef CLI_OPTION_TABLE_H
#define CLI_OPTION_TABLE_H

#include "options.h"

enum option_kind {
	KIND_FLAG,     /* a bool; --no-NAME takes it back */
	KIND_UNSET,    /* a bool that is put to false */
	KIND_TEXT,     /* the last one counts */
	KIND_LIST,     /* each one counts */
	KIND_VALUE,    /* read by a function that is given the argument */
	KIND_BARE,     /* read by a function, no argument */
	KIND_CHOICE,   /* an int that is put to `choice` */
	KIND_VERB,     /* what to do, no argument */
	KIND_FILE_VERB /* what to do, with its argument */
};

struct option {
	const char *name;
	char letter; /* 0: none */
	enum option_kind kind;
	enum option_group group;
	size_t member; /* offset of the bool, int, string or list */
	int (*value)(struct options *, const char *, struct fault *);
	int choice;           /* or the verb */
	const char *argument; /* for help; NULL: takes none */
	const char *help;
};

/* The table, in the order of help. */
extern const struct option option_table[];
extern const size_t option_count;

/* Lower case, for --help CATEGORY; what help calls it. */
const char *option_group_name(enum option_group group);
const char *option_group_title(enum option_group group);

/* The words that its argument can be, with blanks between; NULL: any. */
const char *option_words(const struct option *option);

/* NULL when there is none. */
const struct option *option_find_name(const char *name);
const struct option *option_find_letter(char letter);
/* The sentence for one that is unknown: it names those that begin so, or the
 * nearest. */
int option_unknown(const char *given, struct fault *fault);

#endif
