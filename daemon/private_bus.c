/* SPDX-License-Identifier: MIT */
#include "private_bus.h"

#include "cli/cli.h"
#include "cli/inherit.h"
#include "cli/log.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    LOCK_PATIENCE_MS = 5000, /* one that is leaving takes two seconds */
    START_PATIENCE_MS = 5000,
    END_PATIENCE_MS = 500,
    STEP_MS = 20,
    EXIT_CANNOT_RUN = 127,
};

#define SOCKET "socket"
#define POLICY "policy.conf"
#define LOCK   "lock"

/* A message passes when its sender may send it to the receiver and the receiver may receive it from the sender, and all have
 * the same rules. Those about sending can name the receiver, those about receiving the sender, by a name that it owns:
 * signals of others than the daemon are not received. One kind has to be: a program that registers advertisement monitors
 * tells the daemon of them by signals of ObjectManager. From another path than "/" these are sent to the daemon only, and so
 * do no harm if they are received from everybody; from "/" they are received from the daemon only. */
static const char policy_begin[] =
    "<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN\"\n"
    " \"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\">\n"
    "<busconfig>\n"
    "  <type>session</type>\n"
    "  <listen>%s</listen>\n"
    "  <auth>EXTERNAL</auth>\n"
    "  <policy context=\"default\">\n"
    "    <deny user=\"*\"/>\n"
    "    <allow user=\"%u\"/>\n"
    "    <deny own=\"*\"/>\n";
static const char policy_unsealed[] = "    <allow own=\"org.bluez\"/>\n    <allow own=\"org.bleproxy1\"/>\n";
#define MANAGER "interface=\"org.freedesktop.DBus.ObjectManager\""
static const char policy_end[] =
    "    <allow send_type=\"method_call\"/>\n"
    "    <allow send_type=\"method_return\"/>\n"
    "    <allow send_type=\"error\"/>\n"
    "    <allow send_type=\"signal\"/>\n"
    "    <deny send_type=\"signal\" send_" MANAGER "/>\n"
    "    <allow send_type=\"signal\" send_" MANAGER " send_path=\"/\"/>\n"
    "    <allow send_type=\"signal\" send_" MANAGER " send_destination=\"org.bluez\"/>\n"
    "    <allow receive_type=\"method_call\"/>\n"
    "    <allow receive_type=\"method_return\"/>\n"
    "    <allow receive_type=\"error\"/>\n"
    "    <deny receive_type=\"signal\"/>\n"
    "    <allow receive_type=\"signal\" receive_" MANAGER "/>\n"
    "    <deny receive_type=\"signal\" receive_" MANAGER " receive_path=\"/\"/>\n"
    "    <allow receive_type=\"signal\" receive_sender=\"org.bluez\"/>\n"
    "    <allow receive_type=\"signal\" receive_sender=\"org.freedesktop.DBus\"/>\n"
    "  </policy>\n"
    "  <limit name=\"max_outgoing_bytes\">16777216</limit>\n" /* for who does not read what is sent to him */
    "</busconfig>\n";

static void path_in(const struct private_bus *bus, const char *name, char path[PATH_MAX])
{
    int n = snprintf(path, PATH_MAX, "%s/%s", bus->directory, name);
    if (n < 0 || n >= PATH_MAX)
        path[0] = '\0'; /* nothing can be opened there */
}

static void sleep_ms(unsigned ms)
{
    nanosleep(&(struct timespec){(time_t)(ms / 1000), (long)(ms % 1000) * 1000000}, NULL);
}

/* As addresses of D-Bus are written; what is left is nothing special in XML. */
static int format_address(struct private_bus *bus, const char *path)
{
    static const char plain[] = "-_/.ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    size_t n = (size_t)snprintf(bus->address, sizeof(bus->address), "unix:path=");
    if (!*path || strlen(path) >= sizeof(((struct sockaddr_un *)NULL)->sun_path)) {
        log_say("the path of a socket in %s would be too long", bus->directory);
        return CLI_USAGE;
    }
    for (; *path; path++)
        n += (size_t)snprintf(bus->address + n, sizeof(bus->address) - n,
                              strchr(plain, *path) ? "%c" : "%%%02x", (unsigned char)*path);
    return CLI_DONE;
}

/* ---- The directory ---- */

static int complain_of(const struct private_bus *bus, int error)
{
    log_say("cannot have a message bus in %s: %s", bus->directory, strerror(error));
    return CLI_FAILED;
}

static int make_directory(struct private_bus *bus)
{
    struct stat status;
    if (mkdir(bus->directory, 0700) == 0)
        bus->is_ours = true;
    else if (errno != EEXIST)
        return complain_of(bus, errno);
    if (lstat(bus->directory, &status) < 0)
        return complain_of(bus, errno);
    if (S_ISDIR(status.st_mode) && status.st_uid == geteuid() && (status.st_mode & 077) == 0)
        return CLI_DONE;
    log_say("%s must be a directory of your own that nobody else may enter: chmod 700", bus->directory);
    return CLI_FAILED;
}

/* Who had it before removes the file, maybe while we wait for it. */
static bool is_still_there(int fd, const char *path)
{
    struct stat ours, there;
    return fstat(fd, &ours) == 0 && lstat(path, &there) == 0 && ours.st_ino == there.st_ino &&
           ours.st_dev == there.st_dev;
}

/* Another bleproxyd that is leaving is waited for. */
static int take_directory(struct private_bus *bus)
{
    char path[PATH_MAX];
    path_in(bus, LOCK, path);
    for (unsigned waited_ms = 0; waited_ms < LOCK_PATIENCE_MS; waited_ms += STEP_MS) {
        int r = make_directory(bus);
        if (r != CLI_DONE)
            return r;
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0 && errno != ENOENT)
            return complain_of(bus, errno);
        if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 && is_still_there(fd, path)) {
            bus->lock_fd = fd;
            return CLI_DONE;
        }
        if (fd >= 0)
            close(fd);
        sleep_ms(STEP_MS);
    }
    log_say("another bleproxyd has its message bus in %s", bus->directory);
    return CLI_FAILED;
}

/* Written aside and put in its place: dbus-daemon never reads half of it. */
static int write_policy(const struct private_bus *bus, bool sealed)
{
    char path[PATH_MAX], aside[PATH_MAX];
    path_in(bus, POLICY, path);
    path_in(bus, POLICY ".new", aside);
    FILE *file = fopen(aside, "we");
    if (!file)
        return -errno;
    fprintf(file, policy_begin, bus->address, (unsigned)geteuid());
    fprintf(file, "%s%s", sealed ? "" : policy_unsealed, policy_end);
    bool failed = ferror(file) != 0;
    if (fclose(file) != 0 || failed || rename(aside, path) < 0)
        return errno ? -errno : -EIO;
    return 0;
}

/* Of one that was killed; or an empty directory, as container engines make where a mount finds nothing. */
static int clear_socket(const char *path)
{
    if (remove(path) == 0 || errno == ENOENT)
        return CLI_DONE;
    log_say("cannot remove %s to have the socket there: %s", path, strerror(errno));
    return CLI_FAILED;
}

static void remove_files(const struct private_bus *bus)
{
    static const char *const names[] = {SOCKET, POLICY, POLICY ".new", LOCK};
    char path[PATH_MAX];
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        path_in(bus, names[i], path);
        unlink(path);
    }
    if (bus->is_ours)
        rmdir(bus->directory);
}

/* ---- dbus-daemon ---- */

/* In the child. It ends with us, whatever ends us, and what the terminal sends to us is not for it. */
__attribute__((noreturn)) static void become_bus(const char *policy, pid_t parent, int ready_fd,
                                                 bool shows_log)
{
    char config[PATH_MAX + 16], print[32];
    sigset_t none;
    snprintf(config, sizeof(config), "--config-file=%s", policy);
    snprintf(print, sizeof(print), "--print-address=%d", ready_fd);
    setsid();
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    unsetenv("NOTIFY_SOCKET"); /* it is not ready in our place */
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (getppid() != parent || null_fd < 0)
        _exit(EXIT_CANNOT_RUN);
    dup2(null_fd, STDIN_FILENO);
    dup2(null_fd, STDOUT_FILENO);
    if (!shows_log)
        dup2(null_fd, STDERR_FILENO);
    inherit_only_below(STDERR_FILENO + 1);
    fcntl(ready_fd, F_SETFD, 0);
    execlp("dbus-daemon", "dbus-daemon", "--nofork", "--nopidfile", "--nosyslog", config, print,
           (char *)NULL);
    _exit(EXIT_CANNOT_RUN);
}

/* It says its address when it can be connected to. */
static bool is_told_ready(int fd)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    char text[512];
    int n;
    do {
        n = poll(&poll_fd, 1, START_PATIENCE_MS);
    } while (n < 0 && errno == EINTR); /* to be ended is asked for later */
    return n == 1 && read(fd, text, sizeof(text)) > 0;
}

/* False: it has not ended in that time. */
static bool wait_for_end(struct private_bus *bus, unsigned patience_ms, int *ret_status)
{
    for (unsigned waited_ms = 0;; waited_ms += STEP_MS) {
        pid_t pid = waitpid(bus->pid, ret_status, WNOHANG);
        if (pid != 0)
            break;
        if (waited_ms >= patience_ms)
            return false;
        sleep_ms(STEP_MS);
    }
    bus->pid = 0;
    return true;
}

static int complain_of_bus(struct private_bus *bus, bool shows_log)
{
    int status = 0;
    bool ended = wait_for_end(bus, STEP_MS * 5, &status);
    if (ended && WIFEXITED(status) && WEXITSTATUS(status) == EXIT_CANNOT_RUN)
        log_say("there is no dbus-daemon: install it, or give the address of a message bus with --bus");
    else
        log_say("dbus-daemon does not start%s",
                shows_log ? "" : "; 'bleproxyd --private DIRECTORY -v' shows why");
    return CLI_FAILED;
}

static int start_bus(struct private_bus *bus, bool shows_log)
{
    char policy[PATH_MAX];
    int fds[2];
    pid_t parent = getpid();
    path_in(bus, POLICY, policy);
    if (pipe2(fds, O_CLOEXEC) < 0)
        return complain_of(bus, errno);
    pid_t pid = fork();
    if (pid == 0)
        become_bus(policy, parent, fds[1], shows_log);
    int why = errno;
    close(fds[1]);
    bus->pid = pid > 0 ? pid : 0;
    bool ready = pid > 0 && is_told_ready(fds[0]);
    close(fds[0]);
    if (pid < 0)
        return complain_of(bus, why);
    return ready ? CLI_DONE : complain_of_bus(bus, shows_log);
}

int private_bus_open(struct private_bus *bus, const char *directory, bool shows_log)
{
    char path[PATH_MAX];
    *bus = (struct private_bus){.lock_fd = -1};
    if (!realpath(directory, bus->directory)) /* or it is to be made */
        snprintf(bus->directory, sizeof(bus->directory), "%s", directory);
    path_in(bus, SOCKET, path);
    int r = format_address(bus, path);
    if (r == CLI_DONE)
        r = take_directory(bus);
    if (r != CLI_DONE)
        return r;
    r = clear_socket(path);
    if (r != CLI_DONE)
        return r;
    int error = write_policy(bus, false);
    return error < 0 ? complain_of(bus, -error) : start_bus(bus, shows_log);
}

bool private_bus_explain(void)
{
    if (getpwuid(geteuid()))
        return false;
    log_say("dbus-daemon lets in only users that the system knows by name, and user %u has none: it takes a "
            "line in /etc/passwd",
            (unsigned)geteuid());
    return true;
}

#define DRIVER      "org.freedesktop.DBus"
#define DRIVER_PATH "/org/freedesktop/DBus"

/* Nobody has got in line between the beginning of the bus and the rules that forbid it. */
static int check_queue(sd_bus *connection, const char *name)
{
    sd_bus_message *reply = NULL;
    const char *ours = NULL, *owner;
    size_t n_others = 0;
    int r = sd_bus_get_unique_name(connection, &ours);
    if (r >= 0)
        r = sd_bus_call_method(connection, DRIVER, DRIVER_PATH, DRIVER, "ListQueuedOwners", NULL, &reply, "s",
                               name);
    if (r >= 0)
        r = sd_bus_message_enter_container(reply, 'a', "s");
    while (r >= 0 && (r = sd_bus_message_read(reply, "s", &owner)) > 0)
        n_others += strcmp(owner, ours) != 0;
    sd_bus_message_unref(reply);
    return r < 0 ? r : n_others > 0 ? -EBUSY : 0;
}

int private_bus_seal(struct private_bus *bus, sd_bus *connection)
{
    int r = write_policy(bus, true);
    if (r >= 0)
        r = sd_bus_call_method(connection, DRIVER, DRIVER_PATH, DRIVER, "ReloadConfig", NULL, NULL, "");
    if (r >= 0)
        r = check_queue(connection, "org.bluez");
    return r < 0 ? r : check_queue(connection, "org.bleproxy1");
}

void private_bus_close(struct private_bus *bus)
{
    int status;
    if (bus->pid > 0) {
        kill(bus->pid, SIGTERM);
        if (!wait_for_end(bus, END_PATIENCE_MS, &status)) {
            kill(bus->pid, SIGKILL);
            waitpid(bus->pid, &status, 0);
        }
        bus->pid = 0;
    }
    if (bus->lock_fd < 0)
        return;
    remove_files(bus);
    close(bus->lock_fd);
    bus->lock_fd = -1;
}
