/* Made by generate_cdef.py: change the headers, not this.  clang-format leaves
 * it alone: */
/* clang-format off */
#define ENCLAVE_CLIENT_VERSION_MAJOR ...
#define ENCLAVE_CLIENT_VERSION_MINOR ...
#define ENCLAVE_CLIENT_VERSION_PATCH ...
#define ENCLAVE_CLIENT_ERROR_ACCEPTED_MAX ...
#define ENCLAVE_CLIENT_MS_UNKNOWN ...
#define ENCLAVE_CLIENT_AT_NOW ...
#define ENCLAVE_CLIENT_AT_DOCUMENT ...
const char *enclave_client_version(void);
enum enclave_client_status {
	ENCLAVE_CLIENT_OK = 0,
	ENCLAVE_CLIENT_ERR_USAGE = 100,
	ENCLAVE_CLIENT_ERR_CONFIG = 101,
	ENCLAVE_CLIENT_ERR_UNKNOWN_ENCLAVE = 102,
	ENCLAVE_CLIENT_ERR_CANCELLED = 103,
	ENCLAVE_CLIENT_ERR_BODY_TOO_LARGE = 104,
	ENCLAVE_CLIENT_ERR_BODY_CALLBACK = 105,
	ENCLAVE_CLIENT_ERR_MEMORY = 200,
	ENCLAVE_CLIENT_ERR_NETWORK = 300,
	ENCLAVE_CLIENT_ERR_EVIDENCE_NOT_SERVED = 301,
	ENCLAVE_CLIENT_ERR_LEARNING_LIMITED =
	    302,
	ENCLAVE_CLIENT_ERR_REDIRECT = 303,
	ENCLAVE_CLIENT_ERR_TIMEOUT = 400,
	ENCLAVE_CLIENT_ERR_ENCODING = 500,
	ENCLAVE_CLIENT_ERR_DOCUMENT_SIZE = 501,
	ENCLAVE_CLIENT_ERR_COSE = 502,
	ENCLAVE_CLIENT_ERR_CBOR = 503,
	ENCLAVE_CLIENT_ERR_FIELD = 504,
	ENCLAVE_CLIENT_ERR_CERTIFICATE = 505,
	ENCLAVE_CLIENT_ERR_ROOT = 600,
	ENCLAVE_CLIENT_ERR_CHAIN = 601,
	ENCLAVE_CLIENT_ERR_SIGNATURE = 602,
	ENCLAVE_CLIENT_ERR_EXPIRED = 700,
	ENCLAVE_CLIENT_ERR_NOT_YET_VALID =
	    701,
	ENCLAVE_CLIENT_ERR_TOO_OLD = 702,
	ENCLAVE_CLIENT_ERR_FROM_FUTURE = 703,
	ENCLAVE_CLIENT_ERR_MEASUREMENT = 800,
	ENCLAVE_CLIENT_ERR_DEBUG = 801,
	ENCLAVE_CLIENT_ERR_KEY_NOT_ATTESTED = 900,
	ENCLAVE_CLIENT_ERR_BINDING = 901,
	ENCLAVE_CLIENT_ERR_INTERNAL = 1000,
	ENCLAVE_CLIENT_ERR_SELF_TEST = 1001,
	ENCLAVE_CLIENT_ERR_UNSUPPORTED = 1002
};
enum enclave_client_category {
	ENCLAVE_CLIENT_CATEGORY_NONE = 0,
	ENCLAVE_CLIENT_CATEGORY_USAGE = 1,
	ENCLAVE_CLIENT_CATEGORY_MEMORY = 2,
	ENCLAVE_CLIENT_CATEGORY_NETWORK = 3,
	ENCLAVE_CLIENT_CATEGORY_TIMEOUT = 4,
	ENCLAVE_CLIENT_CATEGORY_MALFORMED = 5,
	ENCLAVE_CLIENT_CATEGORY_UNTRUSTED = 6,
	ENCLAVE_CLIENT_CATEGORY_TIME = 7,
	ENCLAVE_CLIENT_CATEGORY_MEASUREMENT = 8,
	ENCLAVE_CLIENT_CATEGORY_KEY = 9,
	ENCLAVE_CLIENT_CATEGORY_INTERNAL = 10
};
enum enclave_client_step {
	ENCLAVE_CLIENT_STEP_NONE = 0,
	ENCLAVE_CLIENT_STEP_FETCH = 1,
	ENCLAVE_CLIENT_STEP_DECODE = 2,
	ENCLAVE_CLIENT_STEP_STRUCTURE = 3,
	ENCLAVE_CLIENT_STEP_CHAIN = 4,
	ENCLAVE_CLIENT_STEP_SIGNATURE = 5,
	ENCLAVE_CLIENT_STEP_TIME = 6,
	ENCLAVE_CLIENT_STEP_POLICY = 7,
	ENCLAVE_CLIENT_STEP_BINDING = 8
};
const char *enclave_client_status_name(
    enum enclave_client_status status);
const char *enclave_client_status_text(
    enum enclave_client_status status);
enum enclave_client_category
enclave_client_status_category(enum enclave_client_status status);
const char *enclave_client_category_name(
    enum enclave_client_category category);
const char *enclave_client_step_name(
    enum enclave_client_step step);
struct enclave_client_error;
enum enclave_client_foreign {
	ENCLAVE_CLIENT_FOREIGN_NONE = 0,
	ENCLAVE_CLIENT_FOREIGN_CURL = 1,
	ENCLAVE_CLIENT_FOREIGN_X509 = 2,
	ENCLAVE_CLIENT_FOREIGN_ERRNO = 3,
	ENCLAVE_CLIENT_FOREIGN_HTTP = 4
};
struct enclave_client_error *enclave_client_error_new(
    void);
void enclave_client_error_free(
    struct enclave_client_error *error);
const char *enclave_client_error_message(
    const struct enclave_client_error *error);
enum enclave_client_status enclave_client_error_status(
    const struct enclave_client_error *error);
enum enclave_client_step enclave_client_error_step(
    const struct enclave_client_error *error);
const char *enclave_client_error_enclave(
    const struct enclave_client_error *error);
long enclave_client_error_foreign_code(
    const struct enclave_client_error *error);
enum enclave_client_foreign enclave_client_error_foreign(
    const struct enclave_client_error *error);
int enclave_client_error_pcr(
    const struct enclave_client_error *error);
const char *enclave_client_error_pcr_shown(
    const struct enclave_client_error *error);
const char *enclave_client_error_pcr_accepted(
    const struct enclave_client_error *error, size_t index);
bool enclave_client_error_pcr_accepted_more(
    const struct enclave_client_error *error);
int64_t enclave_client_error_age_ms(
    const struct enclave_client_error *error);
int64_t enclave_client_error_deadline_ms(
    const struct enclave_client_error *error);
char *enclave_client_error_json(
    const struct enclave_client_error *error);
struct enclave_client_config;
struct enclave_client_document;
struct enclave_client_evidence {
	const void *data;
	size_t len;
	int64_t judged_at_ms;
};
enum enclave_client_status
enclave_client_document_verify(const struct enclave_client_config *config,
    const char *name, const struct enclave_client_evidence *evidence,
    struct enclave_client_document **ret_document,
    struct enclave_client_error *error);
enum enclave_client_status
enclave_client_document_read(const struct enclave_client_config *config,
    const struct enclave_client_evidence *evidence,
    struct enclave_client_document **ret_document,
    struct enclave_client_error *error);
void enclave_client_document_free(
    struct enclave_client_document *document);
bool enclave_client_document_authentic(
    const struct enclave_client_document *document);
bool enclave_client_document_debug(
    const struct enclave_client_document *document);
bool enclave_client_document_insecure(
    const struct enclave_client_document *document);
const char *enclave_client_document_module_id(
    const struct enclave_client_document *document);
int64_t enclave_client_document_timestamp_ms(
    const struct enclave_client_document *document);
int64_t enclave_client_document_deadline_ms(
    const struct enclave_client_document *document);
const char *enclave_client_document_pcr(
    const struct enclave_client_document *document, unsigned int index);
const char *enclave_client_document_set_label(
    const struct enclave_client_document *document);
int enclave_client_document_set_index(
    const struct enclave_client_document *document);
char *enclave_client_document_json(
    const struct enclave_client_document *document);
enum enclave_client_status
enclave_client_image_pcrs(
    const char *path, char **ret_json, struct enclave_client_error *error);
enum enclave_client_status
enclave_client_pcr3_from_role_arn(
    const char *role_arn, char **ret_pcr, struct enclave_client_error *error);
enum enclave_client_status
enclave_client_pcr4_from_instance_id(const char *instance_id, char **ret_pcr,
    struct enclave_client_error *error);
enum enclave_client_status
enclave_client_pcr8_from_certificate_pem(const char *pem, size_t len,
    char **ret_pcr, struct enclave_client_error *error);
enum enclave_client_event_kind {
	ENCLAVE_CLIENT_EVENT_ATTESTED = 1,
	ENCLAVE_CLIENT_EVENT_REFUSED = 2,
	ENCLAVE_CLIENT_EVENT_MEASUREMENT_REFUSED = 3,
	ENCLAVE_CLIENT_EVENT_KEY_ADDED = 4,
	ENCLAVE_CLIENT_EVENT_EXPIRED = 5,
	ENCLAVE_CLIENT_EVENT_POLL_FAILED = 6,
	ENCLAVE_CLIENT_EVENT_RECOVERED = 7,
	ENCLAVE_CLIENT_EVENT_INSECURE = 8,
	ENCLAVE_CLIENT_EVENT_STORE =
	    9,
	ENCLAVE_CLIENT_EVENT_TRUST = 10
};
struct enclave_client_event {
	enum enclave_client_event_kind kind;
	const char *enclave;
	enum enclave_client_status status;
	enum enclave_client_step step;
	const char *message;
	int64_t at_ms;
};
typedef void (*enclave_client_event_callback)(
    const struct enclave_client_event *event, void *context);
const char *enclave_client_event_name(
    enum enclave_client_event_kind kind);
enum enclave_client_status
enclave_client_config_new(struct enclave_client_config **ret_config);
void enclave_client_config_free(
    struct enclave_client_config *config);
enum enclave_client_status
enclave_client_config_load_file(struct enclave_client_config *config,
    const char *path, struct enclave_client_error *error);
enum enclave_client_status
enclave_client_config_load_text(struct enclave_client_config *config,
    const char *text, size_t len, struct enclave_client_error *error);
enum enclave_client_status
enclave_client_config_load_single(struct enclave_client_config *config,
    const char *name, const char *url, const char *pcrs_json,
    struct enclave_client_error *error);
void enclave_client_config_set_ca_file(
    struct enclave_client_config *config, const char *path);
void enclave_client_config_set_ca_directory(
    struct enclave_client_config *config, const char *path);
void enclave_client_config_add_resolve(
    struct enclave_client_config *config, const char *entry);
void enclave_client_config_add_connect_to(
    struct enclave_client_config *config, const char *entry);
enum enclave_client_tls_version {
	ENCLAVE_CLIENT_TLS_DEFAULT = 0,
	ENCLAVE_CLIENT_TLS_1_2 = 12,
	ENCLAVE_CLIENT_TLS_1_3 = 13
};
void enclave_client_config_set_tls_versions(
    struct enclave_client_config *config, enum enclave_client_tls_version min,
    enum enclave_client_tls_version max);
enum enclave_client_http_version {
	ENCLAVE_CLIENT_HTTP_DEFAULT = 0,
	ENCLAVE_CLIENT_HTTP_1_0 = 10,
	ENCLAVE_CLIENT_HTTP_1_1 = 11,
	ENCLAVE_CLIENT_HTTP_2 = 20
};
void enclave_client_config_set_http_version(
    struct enclave_client_config *config,
    enum enclave_client_http_version version);
void enclave_client_config_set_ip_version(
    struct enclave_client_config *config, unsigned int version);
void enclave_client_config_set_interface(
    struct enclave_client_config *config, const char *name);
void enclave_client_config_set_client_certificate_file(
    struct enclave_client_config *config, const char *certificate_path,
    const char *key_path, const char *passphrase);
void enclave_client_config_set_proxy(
    struct enclave_client_config *config, const char *url);
void enclave_client_config_set_user_agent(
    struct enclave_client_config *config, const char *agent);
void enclave_client_config_set_polling(
    struct enclave_client_config *config, bool polling);
void enclave_client_config_set_evidence_store(
    struct enclave_client_config *config, const char *directory);
void enclave_client_config_set_event_callback(
    struct enclave_client_config *config,
    enclave_client_event_callback callback, void *context);
void enclave_client_config_set_nitro_root(
    struct enclave_client_config *config, const char *name);
void enclave_client_config_set_insecure_allowed(
    struct enclave_client_config *config, bool allowed);
void enclave_client_config_set_insecure_allow_debug(
    struct enclave_client_config *config, bool allowed);
void enclave_client_config_set_insecure_nitro_root_file(
    struct enclave_client_config *config, const char *path);
void enclave_client_config_set_insecure_nitro_root_mem(
    struct enclave_client_config *config, const char *pem, size_t len);
void enclave_client_config_set_insecure_key_log(
    struct enclave_client_config *config, bool allowed);
struct enclave_client;
struct enclave_client_request;
struct enclave_client_response;
enum enclave_client_status
enclave_client_new(const struct enclave_client_config *config,
    struct enclave_client **ret_client, struct enclave_client_error *error);
void enclave_client_stop(struct enclave_client *client);
void enclave_client_free(struct enclave_client *client);
enum enclave_client_status
enclave_client_update(struct enclave_client *client,
    const struct enclave_client_config *config,
    struct enclave_client_error *error);
enum enclave_client_status
enclave_client_wait(struct enclave_client *client, const char *name,
    int64_t timeout_ms, struct enclave_client_error *error);
struct enclave_client_report;
enum enclave_client_state {
	ENCLAVE_CLIENT_STATE_COLD = 0,
	ENCLAVE_CLIENT_STATE_ATTESTED = 1,
	ENCLAVE_CLIENT_STATE_EXPIRED = 2,
	ENCLAVE_CLIENT_STATE_REFUSED = 3,
	ENCLAVE_CLIENT_STATE_UNREACHABLE = 4
};
const char *enclave_client_state_name(
    enum enclave_client_state state);
struct enclave_client_report_key {
	char sha256[65];
	const char *module_id;
	int64_t timestamp_ms;
	int64_t deadline_ms;
	const char *set_label;
	size_t set_index;
};
struct enclave_client_counters {
	uint64_t polls;
	uint64_t polls_failed;
	uint64_t documents_accepted;
	uint64_t documents_refused;
	uint64_t requests;
	uint64_t refusals;
	uint64_t learnings;
};
struct enclave_client_report_enclave {
	const char *name;
	const char *url;
	enum enclave_client_state state;
	bool insecure;
	uint64_t generation;
	const struct enclave_client_report_key *keys;
	size_t key_count;
	int64_t last_poll_ms;
	int64_t next_poll_ms;
	enum enclave_client_status last_status;
	enum enclave_client_step last_step;
	const char *last_message;
	struct enclave_client_counters counters;
};
enum enclave_client_status
enclave_client_report(struct enclave_client *client, const char *name,
    struct enclave_client_report **ret_report,
    struct enclave_client_error *error);
void enclave_client_report_free(
    struct enclave_client_report *report);
size_t enclave_client_report_count(
    const struct enclave_client_report *report);
const struct enclave_client_report_enclave *
enclave_client_report_at(
    const struct enclave_client_report *report, size_t index);
char *enclave_client_report_json(
    const struct enclave_client_report *report);
char *enclave_client_report_prometheus(
    const struct enclave_client_report *report);
enum enclave_client_status
enclave_client_attest(struct enclave_client *client, const char *name,
    int64_t timeout_ms, struct enclave_client_document **ret_document,
    struct enclave_client_error *error);
enum enclave_client_status
enclave_client_find(struct enclave_client *client, const char *url,
    char **ret_name, struct enclave_client_error *error);
enum enclave_client_status
enclave_client_evidence_url(struct enclave_client *client, const char *name,
    char **ret_url, struct enclave_client_error *error);
enum enclave_client_status
enclave_client_pins(struct enclave_client *client, const char *name,
    char **ret_pins, struct enclave_client_error *error);
struct enclave_client_bytes {
	const void *data;
	size_t len;
};
enum enclave_client_status
enclave_client_check_certificate(struct enclave_client *client,
    const char *name, struct enclave_client_bytes leaf,
    struct enclave_client_document **ret_document,
    struct enclave_client_error *error);
struct enclave_client_offer {
	struct enclave_client_bytes body;
	struct enclave_client_bytes leaf;
};
enum enclave_client_status
enclave_client_evidence_offer(struct enclave_client *client, const char *name,
    const struct enclave_client_offer *offer,
    struct enclave_client_document **ret_document,
    struct enclave_client_error *error);
enum enclave_client_status
enclave_client_request(struct enclave_client *client, const char *name,
    struct enclave_client_request *request,
    struct enclave_client_response **ret_response,
    struct enclave_client_error *error);
enum enclave_client_status
enclave_client_open(struct enclave_client *client, const char *name,
    struct enclave_client_request *request,
    struct enclave_client_response **ret_response,
    struct enclave_client_error *error);
enum enclave_client_status
enclave_client_request_new(const char *method, const char *target,
    struct enclave_client_request **ret_request);
void enclave_client_request_free(
    struct enclave_client_request *request);
void enclave_client_request_add_header(
    struct enclave_client_request *request, const char *name,
    const char *value);
void enclave_client_request_set_body(
    struct enclave_client_request *request, const void *data, size_t len);
struct enclave_client_body {
	int64_t (*read)(void *buffer, size_t size, void *context);
	bool (*rewind)(void *context);
	int64_t len;
	void *context;
};
void enclave_client_request_set_body_callback(
    struct enclave_client_request *request,
    const struct enclave_client_body *body);
void enclave_client_request_set_timeout_ms(
    struct enclave_client_request *request, int64_t timeout_ms);
void enclave_client_request_set_connect_timeout_ms(
    struct enclave_client_request *request, int64_t timeout_ms);
void enclave_client_request_set_body_max_bytes(
    struct enclave_client_request *request, size_t max_bytes);
void enclave_client_request_set_redirects_max(
    struct enclave_client_request *request, unsigned int max);
void enclave_client_request_set_keep_method(
    struct enclave_client_request *request, bool keep);
void enclave_client_request_set_user_agent(
    struct enclave_client_request *request, const char *agent);
void enclave_client_request_set_referer(
    struct enclave_client_request *request, const char *referer, bool follow);
void enclave_client_request_set_range(
    struct enclave_client_request *request, const char *range);
void enclave_client_request_set_basic_auth(
    struct enclave_client_request *request, const char *user,
    const char *password);
void enclave_client_request_set_netrc(
    struct enclave_client_request *request, const char *path);
void enclave_client_request_set_compressed(
    struct enclave_client_request *request, bool compressed);
void enclave_client_request_set_form(
    struct enclave_client_request *request, bool form);
void enclave_client_request_set_expect_continue(
    struct enclave_client_request *request, bool expect);
void enclave_client_request_set_rate_max(
    struct enclave_client_request *request, int64_t receive_bytes_per_s,
    int64_t send_bytes_per_s);
void enclave_client_request_set_cookie(
    struct enclave_client_request *request, const char *cookie);
struct enclave_client_cookies;
enum enclave_client_status
enclave_client_cookies_new(struct enclave_client_cookies **ret_cookies);
void enclave_client_cookies_free(
    struct enclave_client_cookies *cookies);
enum enclave_client_status
enclave_client_cookies_load_file(struct enclave_client_cookies *cookies,
    const char *path, bool drop_session_cookies,
    struct enclave_client_error *error);
enum enclave_client_status
enclave_client_cookies_save_file(struct enclave_client_cookies *cookies,
    const char *path, struct enclave_client_error *error);
void enclave_client_request_set_cookies(
    struct enclave_client_request *request,
    struct enclave_client_cookies *cookies);
struct enclave_client_part {
	const char *name;
	const char *file_name;
	const char *content_type;
	const void *data;
	size_t len;
	struct enclave_client_body body;
};
void enclave_client_request_add_part(
    struct enclave_client_request *request,
    const struct enclave_client_part *part);
enum enclave_client_trace_kind {
	ENCLAVE_CLIENT_TRACE_TEXT = 0,
	ENCLAVE_CLIENT_TRACE_HEADER_IN = 1,
	ENCLAVE_CLIENT_TRACE_HEADER_OUT = 2,
	ENCLAVE_CLIENT_TRACE_ATTESTATION = 3
};
typedef void (*enclave_client_trace_callback)(
    enum enclave_client_trace_kind kind, const char *data, size_t len,
    void *context);
void enclave_client_request_set_trace(
    struct enclave_client_request *request,
    enclave_client_trace_callback callback, void *context);
void enclave_client_request_cancel(
    struct enclave_client_request *request);
void enclave_client_response_free(
    struct enclave_client_response *response);
long enclave_client_response_status(
    const struct enclave_client_response *response);
const char *enclave_client_response_http_version(
    const struct enclave_client_response *response);
const char *enclave_client_response_header(
    const struct enclave_client_response *response, const char *name,
    size_t index);
const char *enclave_client_response_header_text(
    const struct enclave_client_response *response, size_t *ret_len);
const char *enclave_client_response_body(
    const struct enclave_client_response *response, size_t *ret_len);
enum enclave_client_status
enclave_client_response_read(struct enclave_client_response *response,
    void *buffer, size_t size, size_t *ret_len,
    struct enclave_client_error *error);
const char *enclave_client_response_enclave(
    const struct enclave_client_response *response);
const struct enclave_client_document *
enclave_client_response_document(
    const struct enclave_client_response *response);
enum enclave_client_info {
	ENCLAVE_CLIENT_INFO_TIME_TOTAL_US = 0,
	ENCLAVE_CLIENT_INFO_TIME_NAMELOOKUP_US = 1,
	ENCLAVE_CLIENT_INFO_TIME_CONNECT_US = 2,
	ENCLAVE_CLIENT_INFO_TIME_APPCONNECT_US = 3,
	ENCLAVE_CLIENT_INFO_TIME_PRETRANSFER_US = 4,
	ENCLAVE_CLIENT_INFO_TIME_STARTTRANSFER_US = 5,
	ENCLAVE_CLIENT_INFO_SIZE_DOWNLOAD_BYTES = 6,
	ENCLAVE_CLIENT_INFO_SIZE_UPLOAD_BYTES = 7,
	ENCLAVE_CLIENT_INFO_SIZE_HEADER_BYTES = 8,
	ENCLAVE_CLIENT_INFO_NUM_CONNECTS = 9,
	ENCLAVE_CLIENT_INFO_NUM_REDIRECTS = 10,
	ENCLAVE_CLIENT_INFO_TIME_REDIRECT_US = 11,
	ENCLAVE_CLIENT_INFO_REMOTE_PORT = 12,
	ENCLAVE_CLIENT_INFO_LOCAL_PORT = 13
};
int64_t enclave_client_response_info(
    const struct enclave_client_response *response,
    enum enclave_client_info info);
const char *enclave_client_response_remote_ip(
    const struct enclave_client_response *response);
const char *enclave_client_response_local_ip(
    const struct enclave_client_response *response);
const char *enclave_client_response_url(
    const struct enclave_client_response *response);
struct queued_event {
	int kind;
	int status;
	int step;
	int64_t at_ms;
	uint64_t dropped;
	char enclave[256];
	char message[1024];
};
struct event_queue;
struct event_queue *event_queue_new(void);
void event_queue_free(struct event_queue *queue);
void event_queue_push(const struct enclave_client_event *event, void *context);
bool event_queue_pop(struct event_queue *queue, struct queued_event *ret_event);
void event_queue_after_fork(struct event_queue *queue);
void event_queue_close(struct event_queue *queue);
extern "Python" int64_t enclave_client_python_read(
    void *buffer, size_t size, void *context);
extern "Python" bool enclave_client_python_rewind(void *context);
/* From the C library: what strings of the library's are freed with. */
void free(void *pointer);
