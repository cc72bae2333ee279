#include "policy_options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "config_file.h"

/* AWS, attestation process 2.2: indices 0 to 31. */
#define PCR_INDEX_MAX 31

/* An origin for a policy that judges a file: reserved by RFC 2606. */
#define DOCUMENT_URL "https://document.invalid"

/* "N=HEX"; the library judges the digits. */
static int
add_pcr(cJSON *json, const char *argument, struct fault *fault)
{
	size_t digits = strspn(argument, "0123456789");
	char name[sizeof("PCR31")];
	unsigned int index;

	index = digits ? (unsigned int)(argument[0] - '0') : 0;
	if (digits == 2)
		index = 10 * index + (unsigned int)(argument[1] - '0');
	if (digits < 1 || digits > 2 || argument[digits] != '=' ||
	    index > PCR_INDEX_MAX)
		return fault_set(fault, EXIT_USAGE,
		    "option --pcr: expected N=HEX with N from 0 to %d, got %s",
		    PCR_INDEX_MAX, argument);
	(void)snprintf(name, sizeof(name), "PCR%u", index % 100);
	if (cJSON_HasObjectItem(json, name))
		return fault_set(
		    fault, EXIT_USAGE, "option --pcr: %s is given twice", name);
	if (!cJSON_AddStringToObject(json, name, argument + digits + 1))
		return fault_memory(fault);
	return EXIT_DONE;
}

static int
pcrs_from_arguments(
    const struct text_list *pcr, char **ret_text, struct fault *fault)
{
	cJSON *json = cJSON_CreateObject();
	char *text = NULL;

	if (!json)
		return fault_memory(fault);
	for (size_t i = 0; i < pcr->count; i++)
		if (add_pcr(json, pcr->items[i], fault))
			goto out;
	text = cJSON_PrintUnformatted(json);
	if (!text)
		(void)fault_memory(fault);
	else
		*ret_text = text;

out:
	cJSON_Delete(json);
	return fault->exit_status;
}

static int
pcrs_from_file(const char *path, char **ret_text, struct fault *fault)
{
	struct file_contents contents = {0};

	if (file_read(path, FILE_MAX_BYTES, &contents, fault))
		return fault->exit_status;
	if (strlen(contents.data) != contents.len) {
		file_contents_clear(&contents);
		return fault_set(
		    fault, EXIT_USAGE, "%s: a NUL byte is not JSON", path);
	}
	*ret_text = contents.data; /* handed over */
	return EXIT_DONE;
}

struct single {
	const char *name;
	const char *url;
	const char *pcrs; /* JSON that was read once and found good */
};

/* The first option of those that refine --pcrs and --pcr, and the member of a
 * map that says the same; NULL: there is none. */
static const char *
refined_by(const struct options *options, const char **ret_member)
{
	const char *option = NULL;

	if (options->profile)
		option = *ret_member = "profile";
	else if (options->trust)
		option = *ret_member = "trust";
	else if (options->max_age_ms) {
		option = "max-age";
		*ret_member = "max_age_ms";
	}
	return option;
}

/* What the line said is named as the line named it: "option --profile: ...". */
static void
name_profile_option(const char *enclave, struct fault *fault)
{
	static const char option[] = "option --profile";
	char place[FAULT_TEXT_MAX_BYTES];
	char *rest = fault->text;

	(void)snprintf(
	    place, sizeof(place), "enclaves[\"%s\"].profile", enclave);
	if (strncmp(rest, place, strlen(place)) != 0)
		return;
	rest += strlen(place);
	/* Never longer: a name has a host of at least one letter. */
	memmove(fault->text + strlen(option), rest, strlen(rest) + 1);
	memcpy(fault->text, option, strlen(option));
}

/* A name, or an object that composes one. */
static bool
add_profile(cJSON *enclave, const char *profile)
{
	cJSON *item = profile[0] == '{' ? cJSON_Parse(profile) : NULL;

	if (!item)
		item = cJSON_CreateString(profile);
	if (cJSON_AddItemToObject(enclave, "profile", item))
		return true;
	cJSON_Delete(item);
	return false;
}

/*
 * An object whose quotes the shell ate is no name either.  The library says
 * where: read by itself it is no map, but whether it is JSON comes first.
 */
static int
check_profile(const char *profile, struct fault *fault)
{
	static const char prefix[] = "the configuration is not JSON";
	struct enclave_client_error *error = enclave_client_error_new();
	struct enclave_client_config *config = NULL;
	enum enclave_client_status status;
	const char *message;

	if (!profile || profile[0] != '{')
		goto out;
	if (enclave_client_config_new(&config)) {
		(void)fault_memory(fault);
		goto out;
	}
	status = enclave_client_config_load_text(
	    config, profile, strlen(profile), error);
	message = enclave_client_error_message(error);
	if (status && strncmp(message, prefix, sizeof(prefix) - 1) == 0)
		(void)fault_set(fault, EXIT_USAGE,
		    "option --profile: is not JSON%s",
		    message + sizeof(prefix) - 1);

out:
	enclave_client_config_free(config);
	enclave_client_error_free(error);
	return fault->exit_status;
}

/* With what the long form has room for. */
static int
load_refined(const struct options *options, const struct single *single,
    struct enclave_client_config *config, struct fault *fault)
{
	struct enclave_client_error *error = enclave_client_error_new();
	cJSON *json = cJSON_CreateObject();
	cJSON *enclaves = cJSON_AddObjectToObject(json, "enclaves");
	cJSON *enclave = cJSON_AddObjectToObject(enclaves, single->name);
	enum enclave_client_status status;
	char *text = NULL;

	if (check_profile(options->profile, fault))
		goto out;
	if (cJSON_AddStringToObject(enclave, "url", single->url) &&
	    cJSON_AddRawToObject(enclave, "pcrs", single->pcrs) &&
	    (!options->profile || add_profile(enclave, options->profile)) &&
	    (!options->trust ||
		cJSON_AddStringToObject(enclave, "trust", options->trust)) &&
	    (!options->max_age_ms ||
		cJSON_AddNumberToObject(
		    enclave, "max_age_ms", (double)options->max_age_ms)))
		text = cJSON_PrintUnformatted(json);
	if (!text) {
		(void)fault_memory(fault);
		goto out;
	}
	status =
	    enclave_client_config_load_text(config, text, strlen(text), error);
	if (status != ENCLAVE_CLIENT_OK)
		(void)fault_set_error(fault, status, error);
	name_profile_option(single->name, fault);

out:
	free(text);
	cJSON_Delete(json);
	enclave_client_error_free(error);
	return fault->exit_status;
}

/* The origin of url with the PCR sets of --pcrs or --pcr. */
static int
load_single(const struct options *options, const char *name, const char *url,
    struct enclave_client_config *config, struct fault *fault)
{
	struct enclave_client_error *error = enclave_client_error_new();
	enum enclave_client_status status;
	const char *member = NULL;
	char *text = NULL;

	if (options->pcrs)
		(void)pcrs_from_file(options->pcrs, &text, fault);
	else
		(void)pcrs_from_arguments(&options->pcr, &text, fault);
	if (fault->exit_status)
		goto out;
	status =
	    enclave_client_config_load_single(config, name, url, text, error);
	if (status != ENCLAVE_CLIENT_OK)
		(void)fault_set_error(fault, status, error);
	else if (refined_by(options, &member)) {
		const struct single single = {name, url, text};

		(void)load_refined(options, &single, config, fault);
	}
	/* The place in the text, and now in which file: "pcrs[1].PCR0". */
	if (options->pcrs && strncmp(fault->text, "pcrs", 4) == 0)
		fault_name_file(fault, options->pcrs);

out:
	free(text);
	enclave_client_error_free(error);
	return fault->exit_status;
}

static int
load_enclaves(
    const char *path, struct enclave_client_config *config, struct fault *fault)
{
	struct enclave_client_error *error = enclave_client_error_new();
	enum enclave_client_status status;

	status = enclave_client_config_load_file(config, path, error);
	if (status != ENCLAVE_CLIENT_OK)
		(void)fault_set_error(fault, status, error);
	if (strstr(fault->text, "insecure_allowed"))
		fault_add(fault,
		    "; next: take the member out; the line can say "
		    "--insecure-allow-debug for the whole map");
	enclave_client_error_free(error);
	return fault->exit_status;
}

/* Before any load: what is loaded is read in their light. */
static void
set_insecure(
    const struct options *options, struct enclave_client_config *config)
{
	if (options->insecure_allow_debug)
		enclave_client_config_set_insecure_allow_debug(config, true);
	if (options->nitro_root)
		enclave_client_config_set_nitro_root(
		    config, options->nitro_root);
	if (options->insecure_nitro_root)
		enclave_client_config_set_insecure_nitro_root_file(
		    config, options->insecure_nitro_root);
}

static int
check_one_source(const struct options *options, struct fault *fault)
{
	const char *member = NULL;
	const char *refined = refined_by(options, &member);

	if (options->pcrs && options->pcr.count)
		return fault_set(fault, EXIT_USAGE,
		    "--pcrs and --pcr can't be had at once: write it all in "
		    "the file");
	if (options->enclaves && (options->pcrs || options->pcr.count))
		return fault_set(fault, EXIT_USAGE,
		    "--enclaves and --%s can't be had at once: the map says "
		    "what is accepted of each enclave",
		    options->pcrs ? "pcrs" : "pcr");
	if (refined && !options->pcrs && !options->pcr.count)
		return fault_set(fault, EXIT_USAGE,
		    "--%s goes with --pcrs or --pcr; in a map of enclaves it "
		    "is the member %s",
		    refined, member);
	return EXIT_DONE;
}

static int
check_one_origin(const struct targets *targets, struct fault *fault)
{
	const char *first = targets->items[0].origin;

	for (size_t i = 1; i < targets->count; i++)
		if (strcmp(first, targets->items[i].origin) != 0)
			return fault_set(fault, EXIT_USAGE,
			    "--pcrs and --pcr hold for one origin, and the "
			    "line has %s and %s: use --enclaves",
			    first, targets->items[i].origin);
	return EXIT_DONE;
}

int
policy_configure(const struct options *options, const struct targets *targets,
    struct enclave_client_config *config, struct fault *fault)
{
	char *path;

	if (check_one_source(options, fault))
		return fault->exit_status;
	set_insecure(options, config);
	if (options->enclaves)
		return load_enclaves(options->enclaves, config, fault);
	if (!options->pcrs && !options->pcr.count) {
		path = config_file_path("enclaves.json");
		if (path) {
			(void)load_enclaves(path, config, fault);
			free(path);
			return fault->exit_status;
		}
		if (!targets->count)
			return fault_set(fault, EXIT_USAGE,
			    "--%s needs a map of enclaves (--enclaves FILE), "
			    "or a URL with --pcrs or --pcr",
			    options->verb_option);
		return fault_set(fault, EXIT_USAGE,
		    "nothing says what code %s may run, so nothing was sent: "
		    "give the PCRs of your build with --pcrs FILE or --pcr "
		    "0=HEX, or a map with --enclaves FILE",
		    targets->items[0].origin);
	}
	if (!targets->count)
		return fault_set(fault, EXIT_USAGE,
		    "--pcrs and --pcr hold for a URL, and the line has none");
	if (check_one_origin(targets, fault))
		return fault->exit_status;
	return load_single(options, targets->items[0].enclave,
	    targets->items[0].origin, config, fault);
}

int
policy_configure_document(const struct options *options,
    struct enclave_client_config *config, struct fault *fault)
{
	bool any = options->pcrs || options->pcr.count;

	if (check_one_source(options, fault))
		return fault->exit_status;
	if (options->enclaves)
		return fault_set(fault, EXIT_USAGE,
		    "--%s looks at no map of enclaves; --verify-document takes "
		    "--pcrs or --pcr",
		    options->verb_option);
	if (options->verb == VERB_INSPECT_DOCUMENT && any)
		return fault_set(fault, EXIT_USAGE,
		    "--inspect-document compares no PCRs; --verify-document "
		    "does");
	if (options->verb == VERB_VERIFY_DOCUMENT && !any)
		return fault_set(fault, EXIT_USAGE,
		    "--verify-document needs --pcrs FILE or --pcr N=HEX to "
		    "compare with");
	set_insecure(options, config);
	if (options->verb == VERB_INSPECT_DOCUMENT)
		return EXIT_DONE;
	return load_single(
	    options, POLICY_DOCUMENT_NAME, DOCUMENT_URL, config, fault);
}

int
policy_configure_lookup(const struct options *options,
    const struct target *target, const char *pcrs,
    struct enclave_client_config *config, struct fault *fault)
{
	const struct single single = {target->enclave, target->origin, pcrs};

	set_insecure(options, config);
	return load_refined(options, &single, config, fault);
}

void
policy_warn_insecure(const struct options *options)
{
	/* Whatever -s says: it may stand in a file that nobody looks at. */
	if (options->insecure_nitro_root)
		(void)fprintf(stderr,
		    "attest-curl: insecure: --insecure-nitro-root is in force, "
		    "evidence is not AWS's word\n");
	if (options->insecure_allow_debug)
		(void)fprintf(stderr,
		    "attest-curl: insecure: --insecure-allow-debug is in "
		    "force, a debug enclave can be looked into\n");
}
