/* SPDX-License-Identifier: MIT */
/* gatt_driver PROXY: our client, led by lines on standard input, a command each; it ends with them. Any number of
 * operations may be under way. Answers are JSON, a line each:
 *   {"id": N, "begun": false, "error"}                   the N-th command was refused at once, or needs no more
 *   {"id": N, "begun": true, "error", "code", ...}       the operation of the N-th command has ended
 *   {"handle", "value"}                                  a notification
 *   {"disconnected": true, "error", "code", ...}         the link has ended
 * The commands: see table. Numbers are decimal, values hexadecimal ("-": none), bool 0 or 1. */
#include <bleproxy/bleproxy.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { JOBS_MAX = 256, WORDS_MAX = 8, LINE_SIZE = 2048 };

struct driver;

struct job {
    struct driver *driver;
    unsigned id; /* 0: free */
    struct bleproxy_operation *operation;
};

struct driver {
    struct bleproxy_loop *loop;
    struct bleproxy_hub *hub;
    struct bleproxy_manager *manager;
    struct bleproxy_peripheral *peripheral;
    unsigned n_commands;
    struct job jobs[JOBS_MAX];
};

/* ---- Answers ---- */

static void put_text(const char *name, const char *text)
{
    printf(", \"%s\": \"", name);
    for (; *text; text++)
        printf(*text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
    putchar('"');
}

static void put_value(const uint8_t *value, size_t size)
{
    printf("\"value\": \"");
    for (size_t i = 0; i < size; i++)
        printf("%02x", value[i]);
    printf("\"}\n");
    fflush(stdout);
}

static void put_result(const struct bleproxy_result *result)
{
    put_text("error", result->error ? bleproxy_error_name(result->error) : "");
    printf(", \"code\": %d, \"missing\": %u, \"attempts\": %u", (int)result->code, (unsigned)result->missing,
           result->attempts);
    put_text("cause", bleproxy_cause_name(result->cause));
    put_text("text", result->text);
    printf(", ");
    put_value(result->value, result->value ? result->size : 0);
}

static void put_refusal(unsigned id, int error)
{
    printf("{\"id\": %u, \"begun\": false", id);
    put_text("error", error ? bleproxy_error_name(error) : "");
    printf("}\n");
    fflush(stdout);
}

static void on_done(void *user, const struct bleproxy_result *result)
{
    struct job *job = user;
    printf("{\"id\": %u, \"begun\": true", job->id);
    job->id = 0;
    put_result(result);
}

static void on_found(void *user, int error, const struct bleproxy_advertisement *advertisement)
{
    (void)advertisement;
    struct job *job = user;
    printf("{\"id\": %u, \"begun\": true", job->id);
    job->id = 0;
    put_result(&(struct bleproxy_result){.error = error, .text = ""});
}

static void on_disconnected(void *user, const struct bleproxy_result *result)
{
    (void)user;
    printf("{\"disconnected\": true");
    put_result(result);
}

static void on_notification(void *user, uint16_t handle, const uint8_t *value, size_t size)
{
    (void)user;
    printf("{\"handle\": %u, ", handle);
    put_value(value, size);
}

/* ---- Commands ---- */

/* Words that are missing are empty. */
static unsigned number(const char *word)
{
    return (unsigned)strtoul(word, NULL, 10);
}

static uint16_t short_number(const char *word)
{
    return (uint16_t)number(word);
}

static int run_find(struct job *job, char *const words[])
{
    const struct bleproxy_filter filter = {.name = words[1]};
    return bleproxy_hub_find(job->driver->hub, &filter, number(words[2]), on_found, job, NULL);
}

static int run_connect(struct job *job, char *const words[])
{
    struct driver *driver = job->driver;
    uint64_t address;
    const struct bleproxy_connect_options options = {
        .attempts = number(words[2]),
        .attempt_ms = number(words[3]),
        .deadline_ms = number(words[4]),
        .pair = number(words[5]) != 0,
        .no_cache = number(words[6]) != 0,
    };
    int error = bleproxy_address_parse(words[1], &address);
    if (!error && !driver->peripheral)
        error = bleproxy_peripheral_new(driver->hub, address, &driver->peripheral);
    if (error)
        return error;
    bleproxy_peripheral_on_disconnected(driver->peripheral, on_disconnected, NULL);
    return bleproxy_peripheral_connect(driver->peripheral, &options, on_done, job, &job->operation);
}

static int run_disconnect(struct job *job, char *const words[])
{
    (void)words;
    return bleproxy_peripheral_disconnect(job->driver->peripheral, on_done, job, &job->operation);
}

static int run_read(struct job *job, char *const words[])
{
    return bleproxy_peripheral_read(job->driver->peripheral, short_number(words[1]), number(words[2]),
                                    on_done, job, &job->operation);
}

static int run_write(struct job *job, char *const words[])
{
    uint8_t value[LINE_SIZE / 2];
    size_t size = words[2][0] == '-' ? 0 : strlen(words[2]) / 2;
    for (size_t i = 0; i < size; i++) {
        const char digits[] = {words[2][2 * i], words[2][2 * i + 1], '\0'};
        value[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return bleproxy_peripheral_write(job->driver->peripheral, short_number(words[1]), value, size,
                                     (enum bleproxy_write_mode)number(words[3]), number(words[4]), on_done,
                                     job, &job->operation);
}

static int run_subscribe(struct job *job, char *const words[])
{
    return bleproxy_peripheral_subscribe(job->driver->peripheral, short_number(words[1]), number(words[2]),
                                         on_notification, NULL, on_done, job, &job->operation);
}

static int run_unsubscribe(struct job *job, char *const words[])
{
    return bleproxy_peripheral_unsubscribe(job->driver->peripheral, short_number(words[1]), on_done, job,
                                           &job->operation);
}

static int run_pair(struct job *job, char *const words[])
{
    (void)words;
    return bleproxy_peripheral_pair(job->driver->peripheral, on_done, job, &job->operation);
}

static int run_unpair(struct job *job, char *const words[])
{
    (void)words;
    return bleproxy_peripheral_unpair(job->driver->peripheral, on_done, job, &job->operation);
}

static int run_clear_cache(struct job *job, char *const words[])
{
    (void)words;
    return bleproxy_peripheral_clear_cache(job->driver->peripheral, on_done, job, &job->operation);
}

static int run_params(struct job *job, char *const words[])
{
    const struct bleproxy_connection_parameters parameters = {
        .interval_min = short_number(words[1]),
        .interval_max = short_number(words[2]),
        .latency = short_number(words[3]),
        .timeout = short_number(words[4]),
    };
    return bleproxy_peripheral_set_parameters(job->driver->peripheral, &parameters, on_done, job,
                                              &job->operation);
}

/* The command of that number, if it is under way. */
static int run_cancel(struct job *job, char *const words[])
{
    struct driver *driver = job->driver;
    for (size_t i = 0; i < JOBS_MAX; i++)
        if (driver->jobs[i].id == number(words[1]) && driver->jobs[i].operation)
            bleproxy_operation_cancel(driver->jobs[i].operation);
    return BLEPROXY_E_CANCELLED;
}

static int run_free(struct job *job, char *const words[])
{
    (void)words;
    bleproxy_peripheral_free(job->driver->peripheral);
    job->driver->peripheral = NULL;
    return BLEPROXY_E_CANCELLED;
}

static const struct command {
    const char *name;
    int (*run)(struct job *job, char *const words[]);
    bool at_once; /* is done when run returns */
} table[] = {
    {"find", run_find, false},               /* NAME MS */
    {"connect", run_connect, false},         /* ADDRESS ATTEMPTS MS_EACH MS_ALL PAIR NO_CACHE */
    {"disconnect", run_disconnect, false},   /* */
    {"read", run_read, false},               /* HANDLE MS */
    {"write", run_write, false},             /* HANDLE VALUE MODE MS */
    {"subscribe", run_subscribe, false},     /* HANDLE MS */
    {"unsubscribe", run_unsubscribe, false}, /* HANDLE */
    {"pair", run_pair, false},               /* */
    {"unpair", run_unpair, false},           /* */
    {"clear_cache", run_clear_cache, false}, /* */
    {"params", run_params, false},           /* MIN MAX LATENCY TIMEOUT */
    {"cancel", run_cancel, true},            /* NUMBER_OF_COMMAND */
    {"free", run_free, true},                /* the peripheral; connect makes a new one */
};

static struct job *free_job(struct driver *driver)
{
    for (size_t i = 0; i < JOBS_MAX; i++)
        if (driver->jobs[i].id == 0)
            return &driver->jobs[i];
    abort();
}

static void obey(struct driver *driver, char *line)
{
    char *words[WORDS_MAX] = {0};
    size_t n = 0;
    for (char *word = strtok(line, " "); word && n < WORDS_MAX; word = strtok(NULL, " "))
        words[n++] = word;
    for (; n < WORDS_MAX; n++)
        words[n] = line + strlen(line);
    struct job *job = free_job(driver);
    *job = (struct job){.driver = driver, .id = ++driver->n_commands};
    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
        if (strcmp(words[0], table[i].name) == 0) {
            int error = table[i].run(job, words);
            if (table[i].at_once || error) {
                put_refusal(job->id, table[i].at_once ? 0 : error);
                job->id = 0;
            }
            return;
        }
    abort();
}

/* False at the end of the commands. */
static bool obey_input(struct driver *driver)
{
    static char buffer[LINE_SIZE];
    static size_t size;
    ssize_t n = read(STDIN_FILENO, buffer + size, sizeof(buffer) - 1 - size);
    if (n <= 0)
        return false;
    size += (size_t)n;
    char *begin = buffer, *end;
    while ((end = memchr(begin, '\n', size - (size_t)(begin - buffer))) != NULL) {
        *end = '\0';
        obey(driver, begin);
        begin = end + 1;
    }
    size -= (size_t)(begin - buffer);
    memmove(buffer, begin, size);
    return true;
}

static void on_stopped(void *user, int error)
{
    (void)error;
    bleproxy_loop_stop(user);
}

int main(int argc, char **argv)
{
    static struct driver driver;
    if (argc != 3)
        return 2;
    const struct bleproxy_proxy_config config = {
        .address = argv[1], .port = (uint16_t)atoi(argv[2]), .noise_psk = getenv("BLEPROXY_NOISE_PSK")};
    if (bleproxy_loop_new(NULL, &driver.loop) || bleproxy_hub_new(driver.loop, NULL, &driver.hub) ||
        bleproxy_manager_new(driver.hub, &config, &driver.manager) ||
        bleproxy_manager_start(driver.manager, NULL, NULL))
        return 1;
    struct pollfd fds[] = {{.fd = bleproxy_loop_fd(driver.loop), .events = POLLIN},
                           {.fd = STDIN_FILENO, .events = POLLIN}};
    do {
        poll(fds, 2, bleproxy_loop_timeout_ms(driver.loop));
        bleproxy_loop_process(driver.loop);
    } while (!fds[1].revents || obey_input(&driver));
    bleproxy_peripheral_free(driver.peripheral);
    bleproxy_manager_stop(driver.manager, on_stopped, driver.loop);
    bleproxy_loop_run(driver.loop);
    bleproxy_manager_free(driver.manager);
    bleproxy_hub_free(driver.hub);
    bleproxy_loop_free(driver.loop);
    return 0;
}
