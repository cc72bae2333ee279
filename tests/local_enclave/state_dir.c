#include "state_dir.h"

#include "fatal.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

int
state_lock(const char *folder)
{
	char *path = state_path(folder, "lock", "");
	int lock;

	if (mkdir(folder, 0700) != 0 && errno != EEXIST)
		die("cannot create %s: %s", folder, strerror(errno));
	lock = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	if (lock < 0)
		die("cannot open %s: %s", path, strerror(errno));
	must(flock(lock, LOCK_EX) == 0);
	free(path);
	return lock;
}

void
state_unlock(int lock)
{
	close(lock);
}

char *
state_path(const char *folder, const char *name, const char *suffix)
{
	return must_format("%s/%s%s", folder, name, suffix);
}

void
state_write(const char *path, const char *data, size_t len)
{
	char *temporary = must_format("%s.%d.new", path, (int)getpid());
	int file =
	    open(temporary, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);

	if (file < 0)
		die("cannot write %s: %s", temporary, strerror(errno));
	while (len > 0) {
		ssize_t written = write(file, data, len);

		if (written <= 0)
			die("cannot write %s: %s", temporary, strerror(errno));
		data += written;
		len -= (size_t)written;
	}
	close(file);
	if (rename(temporary, path) != 0)
		die("cannot replace %s: %s", path, strerror(errno));
	free(temporary);
}

static void
write_bio(const char *path, BIO *bio)
{
	char *data = NULL;
	long len = BIO_get_mem_data(bio, &data);

	must(len > 0);
	state_write(path, data, (size_t)len);
	BIO_free(bio);
}

EVP_PKEY *
state_read_key(const char *path)
{
	BIO *bio = BIO_new_file(path, "r");
	EVP_PKEY *key;

	if (bio == NULL)
		return NULL;
	key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
	BIO_free(bio);
	if (key == NULL)
		die("%s holds no private key", path);
	return key;
}

X509 *
state_read_certificate(const char *path)
{
	BIO *bio = BIO_new_file(path, "r");
	X509 *certificate;

	if (bio == NULL)
		return NULL;
	certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	BIO_free(bio);
	if (certificate == NULL)
		die("%s holds no certificate", path);
	return certificate;
}

void
state_write_key(const char *path, EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_mem());

	must(bio != NULL);
	must(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL));
	write_bio(path, bio);
}

void
state_write_certificate(const char *path, X509 *leaf, X509 *issuer)
{
	BIO *bio = BIO_new(BIO_s_mem());

	must(bio != NULL);
	must(PEM_write_bio_X509(bio, leaf));
	if (issuer != NULL)
		must(PEM_write_bio_X509(bio, issuer));
	write_bio(path, bio);
}
