// A C++ program that uses the installed library, every header of it.
//
//   consumer URL PCRS_JSON CA_FILE NITRO_ROOT_FILE
#include <enclave_client.h>
#include <enclave_client_curl.h>
#include <enclave_client_openssl.h>

#include <cstdio>
#include <memory>

template <typename T, void (*free_it)(T *)> struct Freed {
	void
	operator()(T *object) const
	{
		free_it(object);
	}
};
template <typename T, void (*free_it)(T *)>
using Owned = std::unique_ptr<T, Freed<T, free_it>>;

/*
 * The two headers with foreign types must link as well as compile; a program
 * that is never given this many arguments never calls them.
 */
static bool
links_foreign_types(int argc)
{
	return argc < 100 ||
	       enclave_client_curl_attach(
		   nullptr, nullptr, nullptr, nullptr, nullptr) ||
	       enclave_client_ssl_check(nullptr, nullptr, nullptr, nullptr);
}

int
main(int argc, char **argv)
{
	Owned<enclave_client_error, enclave_client_error_free> error(
	    enclave_client_error_new());
	enclave_client_config *config = nullptr;
	enclave_client *client = nullptr;
	/* A function has the same name: C++ wants to hear `struct`. */
	struct enclave_client_request *request = nullptr;
	enclave_client_response *response = nullptr;

	if (argc != 5 || !links_foreign_types(argc) ||
	    enclave_client_config_new(&config)) {
		std::fprintf(stderr, "usage: consumer URL PCRS CA ROOT\n");
		return 2;
	}
	Owned<enclave_client_config, enclave_client_config_free> its_config(
	    config);
	enclave_client_config_set_ca_file(config, argv[3]);
	enclave_client_config_set_insecure_nitro_root_file(config, argv[4]);
	enclave_client_status status = enclave_client_config_load_single(
	    config, "local", argv[1], argv[2], error.get());
	if (!status)
		status = enclave_client_new(config, &client, error.get());
	Owned<enclave_client, enclave_client_free> its_client(client);
	if (!status)
		status = enclave_client_request_new("GET", "/hello", &request);
	Owned<struct enclave_client_request, enclave_client_request_free>
	    its_request(request);
	if (!status)
		status = enclave_client_request(
		    client, "local", request, &response, error.get());
	Owned<enclave_client_response, enclave_client_response_free>
	    its_response(response);
	if (status) {
		std::fprintf(stderr, "%s: %s\n",
		    enclave_client_status_name(status),
		    enclave_client_error_message(error.get()));
		return 1;
	}
	std::printf("%ld %s\n", enclave_client_response_status(response),
	    enclave_client_version());
	return 0;
}
