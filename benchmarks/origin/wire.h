/*
 * Bytes in and out of a socket, plain or under TLS 1.3; without WITH_TLS there is no TLS to be had.
 * receive() and transmit() give the bytes moved, 0 where they would block, -1 where the connection is over.
 */
#include <errno.h>
#include <stdbool.h>
#include <sys/socket.h>

#ifdef WITH_TLS
#include <openssl/err.h>
#include <openssl/ssl.h>

typedef SSL Session;
static SSL_CTX *context;

static bool use_certificate(const char *certificate, const char *key) {
  context = SSL_CTX_new(TLS_server_method());
  SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_read_ahead(context, 1); /* a record's header and body in one read */
  return SSL_CTX_use_certificate_chain_file(context, certificate) == 1 &&
         SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) == 1;
}

static Session *start_session(int fd) {
  SSL *session = SSL_new(context);
  SSL_set_fd(session, fd);
  SSL_set_accept_state(session);
  return session;
}

static void end_session(Session *session) { SSL_free(session); }

/* Decrypted bytes that epoll does not know of. */
static bool has_decrypted(Session *session) { return session && SSL_has_pending(session); }

static ssize_t tls_result(Session *session, int result) {
  if (result > 0) return result;
  int error = SSL_get_error(session, result);
  ERR_clear_error();
  return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? 0 : -1;
}
#else
typedef void Session;
static bool use_certificate(const char *certificate, const char *key) { return (void)certificate, (void)key, false; }
static Session *start_session(int fd) { return (void)fd, NULL; }
static void end_session(Session *session) { (void)session; }
static bool has_decrypted(Session *session) { return (void)session, false; }
#endif

static ssize_t receive(int fd, Session *session, char *into, size_t room) {
#ifdef WITH_TLS
  if (session) return tls_result(session, SSL_read(session, into, room));
#endif
  (void)session;
  ssize_t n = recv(fd, into, room, 0);
  if (n > 0) return n;
  return n < 0 && errno == EAGAIN ? 0 : -1;
}

static ssize_t transmit(int fd, Session *session, const char *from, size_t length, bool more) {
#ifdef WITH_TLS
  if (session) return tls_result(session, SSL_write(session, from, length));
#endif
  (void)session;
  ssize_t n = send(fd, from, length, MSG_NOSIGNAL | (more ? MSG_MORE : 0));
  if (n >= 0) return n;
  return errno == EAGAIN ? 0 : -1;
}
