// SPDX-License-Identifier: Apache-2.0
#include "build_config.h"

#include "socket.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "directory/session.h"

#define LDAPI_PATH "/var/run/slapd/ldapi"

static int time_left(int64_t deadline)
{
    int64_t left = deadline - clock_monotonic();
    return left <= 0 ? 0 : left > INT32_MAX ? INT32_MAX : (int)left;
}

int socket_set_blocking(int fd, bool blocking)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0)
        return -1;
    return fcntl(fd, F_SETFL, blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK);
}

static void set_option(int fd, int level, int name, int64_t value)
{
    int number = value > INT32_MAX ? INT32_MAX : (int)value;
    // A system that lacks one of these options still works.
    (void)setsockopt(fd, level, name, &number, sizeof number);
}

static void set_keepalive(int fd, const struct config_directory *config)
{
    int64_t interval = config->keepalive_interval / CLOCK_SECOND, probes = config->keepalive_probes;
    set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    if (config->keepalive_idle < CLOCK_SECOND)
        return;
    set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, config->keepalive_idle / CLOCK_SECOND);
    if (interval > 0)
        set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, interval);
    if (probes > 0)
        set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, probes);
#ifdef TCP_USER_TIMEOUT
    // Keepalive rests while sent data is unacknowledged: the same limit for that.
    set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, config->keepalive_idle + interval * probes * CLOCK_SECOND);
#endif
}

static const char *connect_words(int code)
{
    switch (code) {
    case ECONNREFUSED:
        return "connection refused; check that the server runs and listens on this port";
    case ETIMEDOUT:
        return "no answer in time; check the network, firewalls, and that the server is up";
    case EHOSTUNREACH:
    case ENETUNREACH:
        return "no route to it; check the network and firewalls";
    case EACCES:
    case EPERM:
        return "permission denied; check a firewall on this machine, or the rights on the socket";
    case ENOENT:
        return "no such socket; check the path and that the server listens on ldapi://";
    default:
        return strerror(code);
    }
}

// Connects within `wait` milliseconds. Returns 0 or an errno.
static int connect_within(int fd, const struct sockaddr *address, socklen_t length, int wait)
{
    if (socket_set_blocking(fd, false) != 0)
        return errno;
    if (connect(fd, address, length) != 0) {
        if (errno != EINPROGRESS && errno != EAGAIN)
            return errno;
        struct pollfd poller = { .fd = fd, .events = POLLOUT };
        int ready;
        do
            ready = poll(&poller, 1, wait);
        while (ready < 0 && errno == EINTR);
        if (ready == 0)
            return ETIMEDOUT;
        int code = 0;
        socklen_t size = sizeof code;
        if (ready < 0 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &size) != 0)
            return errno;
        if (code != 0)
            return code;
    }
    return socket_set_blocking(fd, true) != 0 ? errno : 0;
}

static int open_unix(const char *path, int64_t deadline, struct error *err)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    if (path == NULL || *path == '\0')
        path = LDAPI_PATH;
    if (strlen(path) >= sizeof address.sun_path)
        return error_set_code(err, SESSION_UNREACHABLE, "the socket's path %.200s is too long", path);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int code = fd < 0 ? errno
                      : connect_within(fd, (struct sockaddr *)&address, sizeof address, time_left(deadline));
    if (code == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return error_set_code(err, SESSION_UNREACHABLE, "connecting to %s: %s", path, connect_words(code));
}

static struct addrinfo *resolve(const char *host, int port, struct error *err)
{
    char service[16];
    struct addrinfo *list = NULL;
    const struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM,
                                    .ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV };
    snprintf(service, sizeof service, "%d", port);
    int code = getaddrinfo(host, service, &hints, &list);
    if (code == 0)
        return list;
    error_set_code(err, SESSION_UNREACHABLE,
                   "resolving %s: %s; check the name in uri and this machine's DNS%s", host,
                   code == EAI_SYSTEM ? strerror(errno) : gai_strerror(code),
                   code == EAI_AGAIN ? " (the DNS servers did not answer)" : "");
    return NULL;
}

static int open_tcp(const struct config_directory *config, const char *host, int port, int64_t deadline,
                    struct error *err)
{
    struct addrinfo *list = resolve(host, port, err);
    if (list == NULL)
        return -1;
    int fd = -1, code = ETIMEDOUT, left = 0;
    char numeric[NI_MAXHOST] = "?";
    for (struct addrinfo *address = list; address != NULL; address = address->ai_next)
        left++;
    for (struct addrinfo *address = list; address != NULL; address = address->ai_next, left--) {
        fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        // A share of the time for each address, so that a dead one does not eat it all.
        code = fd < 0 ? errno
                      : connect_within(fd, address->ai_addr, address->ai_addrlen, time_left(deadline) / left);
        if (code == 0)
            break;
        getnameinfo(address->ai_addr, address->ai_addrlen, numeric, sizeof numeric, NULL, 0, NI_NUMERICHOST);
        if (fd >= 0)
            close(fd);
        fd = -1;
    }
    freeaddrinfo(list);
    if (fd < 0)
        return error_set_code(err, SESSION_UNREACHABLE, "connecting to %s port %d: %s", numeric, port,
                              connect_words(code));
    set_keepalive(fd, config);
    return fd;
}

int socket_open(const struct config_directory *config, const LDAPURLDesc *url, int64_t deadline,
                struct error *err)
{
    if (strcmp(url->lud_scheme, "ldapi") == 0)
        return open_unix(url->lud_host, deadline, err);
    const char *host = url->lud_host != NULL && *url->lud_host != '\0' ? url->lud_host : "localhost";
    return open_tcp(config, host, url->lud_port, deadline, err);
}

int socket_peek(int fd, int64_t deadline)
{
    struct pollfd poller = { .fd = fd, .events = POLLIN };
    int ready;
    do
        ready = poll(&poller, 1, time_left(deadline));
    while (ready < 0 && errno == EINTR);
    // When the guard has shut the descriptor down it looks closed.
    if (ready <= 0 || time_left(deadline) == 0)
        return SOCKET_SILENT;
    unsigned char octet;
    return recv(fd, &octet, 1, MSG_PEEK | MSG_DONTWAIT) == 1 ? octet : SOCKET_CLOSED;
}

// --- the guard

static volatile sig_atomic_t guard_fd = -1, guard_fired;
static struct sigaction guard_before;
static sigset_t guard_mask;

static void guard_alarm(int signal_number)
{
    (void)signal_number;
    int saved = errno;
    if (guard_fd >= 0)
        shutdown(guard_fd, SHUT_RDWR);
    guard_fired = 1;
    errno = saved;
}

void socket_guard_begin(int fd, int64_t deadline)
{
    struct sigaction action = { .sa_handler = guard_alarm, .sa_flags = SA_RESTART };
    sigset_t alarm_only;
    guard_fd = fd;
    guard_fired = 0;
    sigemptyset(&action.sa_mask);
    sigaction(SIGALRM, &action, &guard_before);
    sigemptyset(&alarm_only);
    sigaddset(&alarm_only, SIGALRM);
    sigprocmask(SIG_UNBLOCK, &alarm_only, &guard_mask);
    int left = time_left(deadline);
    if (left < 1)
        left = 1;
    // It repeats, for a descriptor that is shut down before libldap looks at it again may be written to
    // meanwhile.
    const struct itimerval timer = { .it_value = { left / 1000, left % 1000 * 1000 },
                                     .it_interval = { 1, 0 } };
    setitimer(ITIMER_REAL, &timer, NULL);
}

bool socket_guard_end(void)
{
    static const struct itimerval off;
    setitimer(ITIMER_REAL, &off, NULL);
    guard_fd = -1;
    sigprocmask(SIG_SETMASK, &guard_mask, NULL);
    sigaction(SIGALRM, &guard_before, NULL);
    return guard_fired != 0;
}
