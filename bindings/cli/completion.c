#include "completion.h"

#include <stdio.h>
#include <string.h>

#include "option_table.h"

/* The argument is, or may be, the path of a file. */
static bool
takes_path(const struct option *option)
{
	return option->argument && (strstr(option->argument, "FILE") ||
				       strstr(option->argument, "FOLDER"));
}

/* What comes after the option. */
static void
print_bash_argument(const struct option *option)
{
	const char *words = option_words(option);

	if (!option->argument && !words)
		return;
	(void)printf("\t--%s", option->name);
	if (option->letter)
		(void)printf(" | -%c", option->letter);
	(void)puts(")");
	if (words)
		(void)printf("\t\tmapfile -t COMPREPLY < <(compgen -W '%s' -- "
			     "\"$word\")\n",
		    words);
	else if (takes_path(option))
		(void)puts("\t\tmapfile -t COMPREPLY < <(compgen -f -- "
			   "\"$word\")");
	(void)puts("\t\treturn ;;");
}

static void
print_bash(void)
{
	(void)puts("_attest_curl()\n{\n"
		   "\tlocal word=${COMP_WORDS[COMP_CWORD]}\n"
		   "\tlocal before=${COMP_WORDS[COMP_CWORD - 1]}\n"
		   "\tCOMPREPLY=()\n"
		   "\tcase $before in");
	for (size_t i = 0; i < option_count; i++)
		print_bash_argument(&option_table[i]);
	(void)puts("\tesac\n\t[[ $word == -* ]] || return");
	(void)printf("\tmapfile -t COMPREPLY < <(compgen -W '");
	for (size_t i = 0; i < option_count; i++)
		(void)printf("%s--%s", i ? " " : "", option_table[i].name);
	(void)puts("' -- \"$word\")\n}\n"
		   "complete -o bashdefault -F _attest_curl attest-curl");
}

/* In zsh's specifications brackets and colons have a meaning, and the whole
 * stands in single quotes. */
static void
print_zsh_text(const char *text)
{
	for (; *text; text++) {
		if (*text == '\'')
			(void)fputs("'\\'", stdout);
		else if (strchr("[]:\\", *text))
			(void)fputc('\\', stdout);
		(void)fputc(*text, stdout);
	}
}

static void
print_zsh_option(const struct option *option, bool with_letter)
{
	const char *words = option_words(option);

	if (with_letter)
		(void)printf("  '-%c[", option->letter);
	else
		(void)printf("  '--%s[", option->name);
	print_zsh_text(option->help);
	(void)fputc(']', stdout);
	/* Two colons: help stands without one as well. */
	if (option->argument || words)
		(void)fputs(option->argument ? ":" : "::", stdout);
	if (option->argument || words)
		print_zsh_text(option->argument ? option->argument : "WORD");
	if (words)
		(void)printf(":(%s)", words);
	else if (option->argument)
		(void)fputs(takes_path(option) ? ":_files" : ": ", stdout);
	(void)puts("' \\");
}

static void
print_zsh(void)
{
	(void)puts("#compdef attest-curl\n_arguments -s \\");
	for (size_t i = 0; i < option_count; i++) {
		if (option_table[i].letter)
			print_zsh_option(&option_table[i], true);
		print_zsh_option(&option_table[i], false);
	}
	(void)puts("  '*:URL:_urls'");
}

/* Without an argument of its own the words follow somewhere behind. */
static void
print_fish_words(const struct option *option)
{
	const char *words = option_words(option);

	if (words && option->argument)
		(void)printf(" -a '%s'", words);
	else if (words)
		(void)printf("\ncomplete -c attest-curl -n "
			     "'__fish_contains_opt -s %c %s' -f -a '%s'",
		    option->letter, option->name, words);
}

static void
print_fish(void)
{
	for (size_t i = 0; i < option_count; i++) {
		const struct option *option = &option_table[i];

		(void)printf("complete -c attest-curl -l %s", option->name);
		if (option->letter)
			(void)printf(" -s '%c'", option->letter);
		if (option->argument)
			(void)fputs(takes_path(option) ? " -r" : " -x", stdout);
		else
			(void)fputs(" -f", stdout);
		(void)fputs(" -d '", stdout);
		for (const char *text = option->help; *text; text++) {
			if (*text == '\'' || *text == '\\')
				(void)fputc('\\', stdout);
			(void)fputc(*text, stdout);
		}
		(void)fputc('\'', stdout);
		print_fish_words(option);
		(void)fputc('\n', stdout);
	}
}

int
completion_print(const char *shell, struct fault *fault)
{
	if (strcmp(shell, "bash") == 0)
		print_bash();
	else if (strcmp(shell, "zsh") == 0)
		print_zsh();
	else if (strcmp(shell, "fish") == 0)
		print_fish();
	else
		return fault_set(fault, EXIT_USAGE,
		    "option --completion: bash, zsh or fish, and not %s",
		    shell);
	return fflush(stdout) == 0 ? EXIT_DONE : EXIT_WRITE;
}
