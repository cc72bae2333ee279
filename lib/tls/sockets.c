#include "tls/sockets.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * Each descriptor's socket by its inode, which tells it from whatever has the
 * number later; 0: none.  In pieces that are made when they are needed: Linux
 * gives the lowest free number, so that most programs need one.  A descriptor
 * past the last piece is not recorded.
 */
#define PIECE_SOCKETS 512
#define PIECES_MAX    2048

struct piece {
	atomic_uint_fast64_t inodes[PIECE_SOCKETS];
};

struct sockets {
	_Atomic(struct piece *) pieces[PIECES_MAX];
};

struct sockets *
sockets_new(void)
{
	return calloc(1, sizeof(struct sockets));
}

void
sockets_free(struct sockets *sockets)
{
	for (size_t i = 0; sockets && i < PIECES_MAX; i++)
		free(atomic_load(&sockets->pieces[i]));
	free(sockets);
}

static struct piece *
piece_of(struct sockets *sockets, int descriptor)
{
	size_t index = (size_t)descriptor / PIECE_SOCKETS;

	return index < PIECES_MAX ? atomic_load(&sockets->pieces[index]) : NULL;
}

static struct piece *
make_piece(struct sockets *sockets, int descriptor)
{
	size_t index = (size_t)descriptor / PIECE_SOCKETS;
	struct piece *there = piece_of(sockets, descriptor);
	struct piece *made;

	if (there || index >= PIECES_MAX)
		return there;
	made = calloc(1, sizeof(*made));
	if (made && !atomic_compare_exchange_strong(
			&sockets->pieces[index], &there, made)) {
		free(made);
		return there;
	}
	return made;
}

static atomic_uint_fast64_t *
place_of(struct piece *piece, int descriptor)
{
	return &piece->inodes[(size_t)descriptor % PIECE_SOCKETS];
}

/* 0 when it is no socket. */
static uint64_t
inode_of(int descriptor)
{
	struct stat now;

	return !fstat(descriptor, &now) && S_ISSOCK(now.st_mode) ? now.st_ino
								 : 0;
}

/* Programs that the caller starts inherit none. */
curl_socket_t
sockets_open(struct sockets *sockets, const struct curl_sockaddr *address)
{
	int descriptor = socket(address->family,
	    address->socktype | SOCK_CLOEXEC, address->protocol);
	struct piece *piece;

	if (descriptor < 0)
		return CURL_SOCKET_BAD;
	piece = sockets ? make_piece(sockets, descriptor) : NULL;
	if (piece)
		atomic_store(place_of(piece, descriptor), inode_of(descriptor));
	return descriptor;
}

/* CURLOPT_OPENSOCKETFUNCTION. */
static curl_socket_t
open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
	(void)purpose;
	return sockets_open(context, address);
}

/*
 * CURLOPT_CLOSESOCKETFUNCTION.  Forgotten before it is closed: the number may
 * be somebody else's the moment after.
 */
static int
close_socket(void *context, curl_socket_t descriptor)
{
	struct piece *piece = piece_of(context, descriptor);

	if (piece)
		atomic_store(place_of(piece, descriptor), 0);
	return close(descriptor);
}

CURLcode
sockets_record(struct sockets *sockets, CURL *easy)
{
	CURLcode code =
	    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);

	if (!code)
		code = curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, sockets);
	if (!code)
		code = curl_easy_setopt(
		    easy, CURLOPT_CLOSESOCKETFUNCTION, close_socket);
	if (!code)
		code = curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, sockets);
	return code;
}

CURLcode
sockets_do_not_record(CURL *easy)
{
	CURLcode code =
	    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, NULL);

	if (!code)
		code =
		    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, NULL);
	return code;
}

/*
 * The child may have closed any of them, and its numbers may be its own by
 * now: a daemon closes all that it inherits.
 */
static void
close_inherited(atomic_uint_fast64_t *place, int descriptor)
{
	uint64_t inode = atomic_exchange(place, 0);

	if (inode && inode == inode_of(descriptor))
		(void)close(descriptor);
}

void
sockets_close_inherited(struct sockets *sockets)
{
	for (size_t i = 0; i < PIECES_MAX; i++) {
		struct piece *piece = atomic_load(&sockets->pieces[i]);

		for (size_t j = 0; piece && j < PIECE_SOCKETS; j++)
			close_inherited(
			    &piece->inodes[j], (int)(i * PIECE_SOCKETS + j));
	}
}
