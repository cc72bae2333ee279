/*
 * Runs a fuzz target over a corpus, for compilers without libFuzzer:
 *
 *   replay FILE-OR-FOLDER...
 *
 * Each input is one case; a crash or a sanitizer's finding ends the run.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "evidence_test.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int inputs;

static void
run_file(const char *folder, const char *name)
{
	struct file file = file_read(folder, name);

	(void)LLVMFuzzerTestOneInput(file.data, file.len);
	file_free(&file);
	(void)printf("ok %d - %s\n", ++inputs, name);
	(void)fflush(stdout);
}

static void
run_folder(const char *folder)
{
	struct dirent **entries = NULL;
	int count = scandir(folder, &entries, NULL, alphasort);

	for (int i = 0; i < count; i++) {
		if (entries[i]->d_type == DT_REG)
			run_file(folder, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
}

int
main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		struct stat status;
		if (stat(argv[i], &status))
			return 1;
		if (S_ISDIR(status.st_mode))
			run_folder(argv[i]);
		else
			run_file(".", argv[i]);
	}
	(void)printf("1..%d\n", inputs);
	return inputs ? 0 : 1;
}
