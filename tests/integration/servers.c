#include "integration/servers.h"

#include <arpa/inet.h>
#include <check.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "local_enclave/harness.h"

/* Where the child finds its inherited listener. */
#define LISTENER_FD      3
#define START_TRIES_MAX  5
#define PAUSES_MAX       1000
#define PATH_MAX_BYTES   192
#define CONFIG_MAX_BYTES 4096

static void
pause_10_ms(void)
{
	const struct timespec pause = {.tv_nsec = 10000000};

	(void)nanosleep(&pause, NULL);
}

static struct sockaddr_in
loopback(int port)
{
	return (struct sockaddr_in){
	    .sin_family = AF_INET,
	    .sin_port = htons((uint16_t)port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
}

static int
open_listener(int *ret_port)
{
	struct sockaddr_in address = loopback(0);
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(
	    bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(listen(fd, 128), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	*ret_port = ntohs(address.sin_port);
	return fd;
}

static bool
can_connect(int port)
{
	struct sockaddr_in address = loopback(port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool connected =
	    !connect(fd, (struct sockaddr *)&address, sizeof(address));

	(void)close(fd);
	return connected;
}

bool
servers_have(const char *program)
{
	static const char *const folders[] = {
	    "/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin"};
	char path[PATH_MAX_BYTES];

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		(void)snprintf(
		    path, sizeof(path), "%s/%s", folders[i], program);
		if (!access(path, X_OK))
			return true;
	}
	return false;
}

static void write_file(const char *folder, const char *name, const char *format,
    ...) __attribute__((format(printf, 3, 4)));
static void
write_file(const char *folder, const char *name, const char *format, ...)
{
	char path[PATH_MAX_BYTES];
	va_list arguments;
	FILE *file;

	(void)mkdir(folder, 0700);
	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	va_start(arguments, format);
	ck_assert_int_ge(vfprintf(file, format, arguments), 0);
	va_end(arguments);
	ck_assert_int_eq(fclose(file), 0);
}

/* The child: its own words go to a file, and it ends with its parent. */
static void
become(const char *folder, int listener, char *const *arguments)
{
	char path[PATH_MAX_BYTES];

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)snprintf(path, sizeof(path), "%s/output", folder);
	if (!freopen(path, "w", stdout) ||
	    dup2(STDOUT_FILENO, STDERR_FILENO) < 0)
		_exit(126);
	if (listener >= 0 && listener != LISTENER_FD &&
	    dup2(listener, LISTENER_FD) < 0)
		_exit(126);
	if (listener == LISTENER_FD)
		(void)fcntl(listener, F_SETFD, 0);
	(void)setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
	(void)execvp(arguments[0], arguments);
	_exit(127);
}

static pid_t
start(const char *folder, int listener, char *const *arguments)
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		become(folder, listener, arguments);
	if (listener >= 0)
		(void)close(listener);
	return pid;
}

/* False when it ended instead: its port was taken meanwhile.  A listener that
 * it inherited accepts before it runs, which does no harm: it will. */
static bool
wait_until_it_accepts(const struct server *server)
{
	for (int i = 0; i < PAUSES_MAX; i++) {
		if (waitpid(server->pid, NULL, WNOHANG) == server->pid)
			return false;
		if (can_connect(server->port))
			return true;
		pause_10_ms();
	}
	return false;
}

void
servers_stop(struct server *server)
{
	if (server->pid <= 0)
		return;
	(void)kill(server->pid, SIGTERM);
	for (int i = 0; i < PAUSES_MAX; i++) {
		if (waitpid(server->pid, NULL, WNOHANG) == server->pid) {
			server->pid = 0;
			return;
		}
		pause_10_ms();
	}
	(void)kill(server->pid, SIGKILL);
	(void)waitpid(server->pid, NULL, 0);
	server->pid = 0;
}

static void
join_files(const char *first, const char *second, const char *out)
{
	const char *const parts[] = {first, second};
	FILE *joined = fopen(out, "w");

	ck_assert_ptr_nonnull(joined);
	for (size_t i = 0; i < 2; i++) {
		FILE *part = fopen(parts[i], "r");
		int byte;
		ck_assert_ptr_nonnull(part);
		while ((byte = fgetc(part)) != EOF)
			ck_assert_int_eq(fputc(byte, joined), byte);
		(void)fclose(part);
	}
	ck_assert_int_eq(fclose(joined), 0);
}

void
servers_mint_certificate(
    const char *state, const char *host, const char *prefix)
{
	const char *const arguments[] = {"--state", state, "--web-certificate",
	    host, "--out-prefix", prefix, NULL};
	char certificate[PATH_MAX_BYTES];
	char key[PATH_MAX_BYTES];
	char both[PATH_MAX_BYTES];

	ck_assert(local_enclave_mint(arguments));
	(void)snprintf(certificate, sizeof(certificate), "%s.pem", prefix);
	(void)snprintf(key, sizeof(key), "%s.key", prefix);
	(void)snprintf(both, sizeof(both), "%s.both", prefix);
	join_files(certificate, key, both);
}

void
servers_mint_evidence(
    const char *state, const char *certificate, const char *out)
{
	const char *const arguments[] = {"--state", state, "--spki-of",
	    certificate, "--format", "json", "--out", out, NULL};

	ck_assert(local_enclave_mint(arguments));
}

static void
configure_nginx(const struct server *nginx, const struct nginx_options *options)
{
	static const char *const places[] = {
	    "client_body", "proxy", "fastcgi", "uwsgi", "scgi"};
	char temporary[CONFIG_MAX_BYTES / 2] = "";
	char evidence[CONFIG_MAX_BYTES / 4] = "";
	size_t len = 0;

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		len +=
		    (size_t)snprintf(temporary + len, sizeof(temporary) - len,
			"%s_temp_path %s/tmp;\n", places[i], nginx->folder);
	if (options->evidence)
		(void)snprintf(evidence, sizeof(evidence),
		    "location = /.well-known/attestation {\n"
		    "default_type application/json; alias %s; }\n",
		    options->evidence);
	write_file(nginx->folder, "nginx.conf",
	    "daemon off;\nmaster_process off;\npid %s/pid;\n"
	    "error_log %s/error.log info;\n"
	    "events { worker_connections 512; }\n"
	    "http {\n%s"
	    "log_format truth '$request_uri $server_protocol $ssl_protocol "
	    "$ssl_session_reused $connection $http_cookie';\n"
	    "access_log %s/access.log truth;\n"
	    "keepalive_requests 1000000;\n"
	    "server {\nlisten 127.0.0.1:%d ssl%s;\n"
	    "ssl_certificate %s.pem;\nssl_certificate_key %s.key;\n"
	    "ssl_protocols %s;\nssl_session_cache shared:sessions:1m;\n"
	    "%slocation / { return 200 \"hello\\n\"; }\n}\n}\n",
	    nginx->folder, nginx->folder, temporary, nginx->folder, nginx->port,
	    options->http1_only ? "" : " http2", options->certificate_prefix,
	    options->certificate_prefix, options->tls, evidence);
}

/*
 * nginx and tinyproxy name their port: one is picked and released, which
 * another program may take meanwhile.  (nginx inherits listeners too, but
 * 1.22 crashes on them without its master process, and its workers would
 * outlive a test that is killed.)
 */
static int
pick_port(void)
{
	int port;

	(void)close(open_listener(&port));
	return port;
}

struct server
servers_start_nginx(const char *folder, const struct nginx_options *options)
{
	for (int i = 0; i < START_TRIES_MAX; i++) {
		struct server nginx = {.port = pick_port()};
		char path[PATH_MAX_BYTES];
		char *const arguments[] = {(char *)"nginx", (char *)"-c", path,
		    (char *)"-p", nginx.folder, NULL};
		(void)snprintf(
		    nginx.folder, sizeof(nginx.folder), "%s", folder);
		(void)snprintf(path, sizeof(path), "%s/nginx.conf", folder);
		configure_nginx(&nginx, options);
		nginx.pid = start(folder, -1, arguments);
		if (wait_until_it_accepts(&nginx))
			return nginx;
		servers_stop(&nginx);
	}
	ck_abort_msg("nginx does not start");
}

struct server
servers_start_tinyproxy(const char *folder)
{
	for (int i = 0; i < START_TRIES_MAX; i++) {
		struct server proxy = {.port = pick_port()};
		char path[PATH_MAX_BYTES];
		char *const arguments[] = {(char *)"tinyproxy", (char *)"-d",
		    (char *)"-c", path, NULL};
		(void)snprintf(
		    proxy.folder, sizeof(proxy.folder), "%s", folder);
		(void)snprintf(path, sizeof(path), "%s/tinyproxy.conf", folder);
		write_file(folder, "tinyproxy.conf",
		    "Port %d\nListen 127.0.0.1\nTimeout 600\nMaxClients 100\n"
		    "Allow 127.0.0.1\nLogLevel Connect\n"
		    "LogFile \"%s/tinyproxy.log\"\n",
		    proxy.port, folder);
		proxy.pid = start(folder, -1, arguments);
		if (wait_until_it_accepts(&proxy))
			return proxy;
		servers_stop(&proxy);
	}
	ck_abort_msg("tinyproxy does not start");
}

struct server
servers_start_haproxy(const char *folder, const char *certificate,
    const int *ports, size_t port_count)
{
	struct server haproxy = {0};
	char path[PATH_MAX_BYTES];
	char servers[CONFIG_MAX_BYTES / 4] = "";
	char *const arguments[] = {
	    (char *)"haproxy", (char *)"-db", (char *)"-f", path, NULL};
	int listener = open_listener(&haproxy.port);
	size_t len = 0;

	(void)snprintf(haproxy.folder, sizeof(haproxy.folder), "%s", folder);
	(void)snprintf(path, sizeof(path), "%s/haproxy.conf", folder);
	for (size_t i = 0; i < port_count; i++)
		len += (size_t)snprintf(servers + len, sizeof(servers) - len,
		    "  server s%zu 127.0.0.1:%d\n", i, ports[i]);
	write_file(folder, "haproxy.conf",
	    "defaults\n  mode tcp\n  balance roundrobin\n"
	    "  timeout connect 30s\n  timeout client 600s\n"
	    "  timeout server 600s\n"
	    "listen front\n  bind fd@%d%s%s\n%s",
	    LISTENER_FD, certificate ? " ssl crt " : "",
	    certificate ? certificate : "", servers);
	haproxy.pid = start(folder, listener, arguments);
	ck_assert(wait_until_it_accepts(&haproxy));
	return haproxy;
}

bool
servers_logged(
    const struct server *nginx, const char *url, char *ret_line, size_t size)
{
	char path[PATH_MAX_BYTES];
	char line[1024];
	size_t len = strlen(url);
	bool found = false;
	FILE *log;

	(void)snprintf(path, sizeof(path), "%s/access.log", nginx->folder);
	log = fopen(path, "r");
	ck_assert_ptr_nonnull(log);
	while (!found && fgets(line, sizeof(line), log))
		found = !strncmp(line, url, len) && line[len] == ' ';
	(void)fclose(log);
	if (found && ret_line)
		(void)snprintf(ret_line, size, "%s", line);
	return found;
}

bool
servers_wait_logged(
    const struct server *nginx, const char *url, char *ret_line, size_t size)
{
	for (int i = 0; i < PAUSES_MAX; i++) {
		if (servers_logged(nginx, url, ret_line, size))
			return true;
		pause_10_ms();
	}
	return false;
}
