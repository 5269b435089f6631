/* SPDX-License-Identifier: MIT */
/* The file of known devices: written as a whole or not at all, and no trouble with it is more than a warning. */
#include "support.h"

#include "engine/state.h"
#include "hub/hub.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

struct fixture {
    struct bleproxy_loop *loop;
    struct hub *hub;
    struct cache cache;
    struct state_file file;
    char folder[64], path[128], aside[160];
    const char *directory; /* that it is told */
    int n_warnings;
    char warning[512];
};

static void on_log(void *user, enum bleproxy_log_level level, const char *room, const char *proxy,
                   const char *text)
{
    struct fixture *fixture = user;
    (void)room, (void)proxy;
    assert_int_equal(level, BLEPROXY_LOG_WARNING);
    fixture->n_warnings++;
    snprintf(fixture->warning, sizeof(fixture->warning), "%s", text);
}

static int setup(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){.folder = "/tmp/bleproxy-state-XXXXXX"};
    const struct bleproxy_loop_options options = {
        .on_log = on_log, .log_user = &fixture, .log_level = BLEPROXY_LOG_DEBUG};
    assert_int_equal(bleproxy_loop_new(&options, &fixture.loop), 0);
    assert_non_null(mkdtemp(fixture.folder));
    fixture.directory = fixture.folder;
    snprintf(fixture.path, sizeof(fixture.path), "%s/services", fixture.folder);
    snprintf(fixture.aside, sizeof(fixture.aside), "%s.damaged", fixture.path);
    assert_int_equal(hub_new(&fixture.loop->env, NULL, 0, &fixture.hub), 0);
    cache_init(&fixture.cache, &fixture.loop->env);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    state_file_deinit(&fixture->file);
    cache_deinit(&fixture->cache);
    hub_free(fixture->hub, 0);
    bleproxy_loop_free(fixture->loop);
    unlink(fixture->path);
    rmdir(fixture->path);
    unlink(fixture->aside);
    return rmdir(fixture->folder); /* which is empty, then */
}

static void begin(struct fixture *fixture)
{
    assert_int_equal(
        state_file_init(&fixture->file, fixture->loop, fixture->directory, &state_services, &fixture->cache),
        0);
    fixture->cache.on_change = state_file_changed;
    fixture->cache.on_change_user = &fixture->file;
}

static void end(struct fixture *fixture)
{
    state_file_deinit(&fixture->file);
    cache_deinit(&fixture->cache);
    cache_init(&fixture->cache, &fixture->loop->env);
}

static bool exists(const char *path)
{
    return access(path, F_OK) == 0;
}

static size_t n_files(const struct fixture *fixture)
{
    size_t n = 0;
    DIR *folder = opendir(fixture->folder);
    assert_non_null(folder);
    for (const struct dirent *entry; (entry = readdir(folder));)
        n += entry->d_name[0] != '.';
    closedir(folder);
    return n;
}

static void write_file(const char *path, const char *bytes, size_t size)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

static void test_what_is_known_is_there_again_after_a_restart(void **state)
{
    struct fixture *fixture = *state;
    struct stat status;
    begin(fixture);
    assert_int_equal(cache_put_mtu(&fixture->cache, 1, 247), 0);
    assert_false(exists(fixture->path)); /* a second after it, or at the end */
    end(fixture);
    assert_int_equal(stat(fixture->path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_equal(n_files(fixture), 1);
    begin(fixture);
    assert_int_equal(cache_mtu(&fixture->cache, 1), 247);
    cache_evict(&fixture->cache, 1);
    end(fixture);
    begin(fixture);
    assert_int_equal(cache_mtu(&fixture->cache, 1), 0);
    assert_int_equal(fixture->n_warnings, 0);
}

static void test_nothing_is_written_when_nothing_has_changed(void **state)
{
    struct fixture *fixture = *state;
    begin(fixture);
    end(fixture);
    assert_false(exists(fixture->path));
}

static void test_changes_are_written_together_a_second_after_the_first(void **state)
{
    struct fixture *fixture = *state;
    begin(fixture);
    uint64_t began = loop_now();
    for (uint16_t i = 1; i <= 100; i++)
        assert_int_equal(cache_put_mtu(&fixture->cache, i, 247), 0);
    bleproxy_loop_run(fixture->loop); /* until there is nothing to wait for */
    assert_true(loop_now() - began >= state_services.delay_ms * NS_PER_MS);
    assert_true(exists(fixture->path));
    unlink(fixture->path);
    end(fixture);
    assert_false(exists(fixture->path)); /* not again */
}

static void test_a_damaged_file_is_set_aside(void **state)
{
    struct fixture *fixture = *state;
    write_file(fixture->path, "nonsense", 8);
    begin(fixture);
    assert_int_equal(fixture->n_warnings, 1);
    assert_non_null(strstr(fixture->warning, fixture->aside));
    assert_false(exists(fixture->path));
    assert_true(exists(fixture->aside));
    assert_int_equal(cache_put_mtu(&fixture->cache, 1, 247), 0);
    end(fixture);
    begin(fixture);
    assert_int_equal(cache_mtu(&fixture->cache, 1), 247);
    assert_int_equal(fixture->n_warnings, 1);
}

static void test_a_truncated_file_is_damaged(void **state)
{
    struct fixture *fixture = *state;
    struct stat status;
    begin(fixture);
    assert_int_equal(cache_put_mtu(&fixture->cache, 1, 247), 0);
    end(fixture);
    assert_int_equal(stat(fixture->path, &status), 0);
    for (off_t size = status.st_size - 1; size >= 0; size--) {
        assert_int_equal(truncate(fixture->path, size), 0);
        begin(fixture);
        end(fixture);
        assert_false(exists(fixture->path));
        assert_int_equal(rename(fixture->aside, fixture->path), 0);
    }
    assert_int_equal(fixture->n_warnings, status.st_size);
}

static void test_a_folder_that_is_missing_is_a_warning(void **state)
{
    struct fixture *fixture = *state;
    char missing[96];
    snprintf(missing, sizeof(missing), "%s/missing", fixture->folder);
    fixture->directory = missing;
    begin(fixture);
    assert_int_equal(fixture->n_warnings, 0); /* no file yet, as far as it knows */
    assert_int_equal(cache_put_mtu(&fixture->cache, 1, 247), 0);
    end(fixture);
    assert_int_equal(fixture->n_warnings, 1);
    assert_non_null(strstr(fixture->warning, "cannot write"));
    assert_non_null(strstr(fixture->warning, strerror(ENOENT)));
}

static void test_what_is_no_file_is_a_warning(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(mkfifo(fixture->path, 0600), 0); /* reading one would wait */
    begin(fixture);
    assert_int_equal(fixture->n_warnings, 1);
    end(fixture);
    assert_int_equal(unlink(fixture->path), 0);
    assert_int_equal(mkdir(fixture->path, 0700), 0);
    begin(fixture);
    assert_int_equal(fixture->n_warnings, 2);
    assert_int_equal(cache_put_mtu(&fixture->cache, 1, 247), 0);
    end(fixture);
    assert_int_equal(fixture->n_warnings, 2); /* it was said: nothing is written there */
    assert_int_equal(n_files(fixture), 1);    /* the folder: nothing temporary stays */
}

static void test_a_file_of_senseless_size_is_neither_read_nor_written(void **state)
{
    struct fixture *fixture = *state;
    struct stat status;
    write_file(fixture->path, "", 0);
    assert_int_equal(truncate(fixture->path, (off_t)1 << 40), 0);
    begin(fixture);
    assert_int_equal(fixture->n_warnings, 1);
    assert_int_equal(cache_put_mtu(&fixture->cache, 1, 247), 0);
    end(fixture);
    assert_int_equal(fixture->n_warnings, 1);
    assert_int_equal(stat(fixture->path, &status), 0);
    assert_true(status.st_size == (off_t)1 << 40);
}

static void test_a_full_disk_leaves_the_old_file(void **state)
{
    struct fixture *fixture = *state;
    struct rlimit limit;
    begin(fixture);
    assert_int_equal(cache_put_mtu(&fixture->cache, 1, 247), 0);
    end(fixture);
    begin(fixture);
    assert_int_equal(cache_put_mtu(&fixture->cache, 1, 517), 0);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    const struct rlimit few = {1, limit.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &few), 0);
    end(fixture);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_int_equal(fixture->n_warnings, 1);
    assert_int_equal(n_files(fixture), 1);
    begin(fixture);
    assert_int_equal(cache_mtu(&fixture->cache, 1), 247);
}

/* ---- The record of bonds ---- */

static void open_bonds(struct fixture *fixture, struct bonds *bonds, struct state_file *file)
{
    bonds_init(bonds, &fixture->loop->env, fixture->hub);
    assert_int_equal(state_file_init(file, fixture->loop, fixture->directory, &state_bonds, bonds), 0);
    bonds->on_change = state_file_changed;
    bonds->on_change_user = file;
}

static void close_bonds(struct bonds *bonds, struct state_file *file)
{
    state_file_deinit(file);
    bonds_deinit(bonds);
}

static void put_bond(struct bonds *bonds, uint64_t address, uint64_t source)
{
    struct bond *bond;
    assert_int_equal(bonds_reserve(bonds, address, &bond), 0);
    bonds_put(bonds, bond, source, "kitchen");
}

static void name_bonds(struct fixture *fixture)
{
    snprintf(fixture->path, sizeof(fixture->path), "%s/bonds", fixture->folder);
    snprintf(fixture->aside, sizeof(fixture->aside), "%s.damaged", fixture->path);
}

static void test_a_bond_is_written_at_once(void **state)
{
    struct fixture *fixture = *state;
    struct bonds bonds, other;
    struct state_file file, other_file;
    name_bonds(fixture);
    open_bonds(fixture, &bonds, &file);
    put_bond(&bonds, 1, 0xA0);
    assert_true(exists(fixture->path));
    open_bonds(fixture, &other, &other_file); /* as after a crash of the first */
    assert_int_equal(bonds_get(&other, 1)->source, 0xA0);
    assert_int_equal(bonds_remove(&other, 1, 0), 0);
    close_bonds(&other, &other_file);
    close_bonds(&bonds, &file);
    open_bonds(fixture, &bonds, &file);
    assert_null(bonds_get(&bonds, 1));
    close_bonds(&bonds, &file);
    assert_int_equal(fixture->n_warnings, 0);
}

static void test_two_programs_at_once_lose_no_bond(void **state)
{
    struct fixture *fixture = *state;
    struct bonds bonds, other;
    struct state_file file, other_file;
    name_bonds(fixture);
    open_bonds(fixture, &bonds, &file);
    open_bonds(fixture, &other, &other_file);
    for (uint64_t i = 1; i <= 20; i++)
        put_bond(i % 2 ? &bonds : &other, i, 0xA0);
    close_bonds(&bonds, &file);
    close_bonds(&other, &other_file);
    open_bonds(fixture, &bonds, &file);
    for (uint64_t i = 1; i <= 20; i++)
        assert_non_null(bonds_get(&bonds, i));
    close_bonds(&bonds, &file);
    assert_int_equal(n_files(fixture), 1);
}

static void test_a_damaged_record_of_bonds_is_set_aside(void **state)
{
    struct fixture *fixture = *state;
    struct bonds bonds;
    struct state_file file;
    name_bonds(fixture);
    write_file(fixture->path, "nonsense", 8);
    open_bonds(fixture, &bonds, &file);
    assert_int_equal(fixture->n_warnings, 1);
    assert_non_null(strstr(fixture->warning, "the record of bonds is damaged"));
    assert_true(exists(fixture->aside));
    put_bond(&bonds, 1, 0xA0);
    close_bonds(&bonds, &file);
    assert_true(exists(fixture->path));
}

/* What cannot be read may hold bonds of others. */
static void test_a_record_that_cannot_be_read_is_not_overwritten(void **state)
{
    struct fixture *fixture = *state;
    struct bonds bonds;
    struct state_file file;
    name_bonds(fixture);
    open_bonds(fixture, &bonds, &file);
    put_bond(&bonds, 1, 0xA0);
    assert_int_equal(unlink(fixture->path), 0);
    assert_int_equal(mkfifo(fixture->path, 0600), 0);
    put_bond(&bonds, 2, 0xA0);
    assert_int_equal(fixture->n_warnings, 1);
    assert_non_null(strstr(fixture->warning, "cannot read the record of bonds"));
    struct stat status;
    assert_int_equal(stat(fixture->path, &status), 0);
    assert_true(S_ISFIFO(status.st_mode));
    assert_int_equal(unlink(fixture->path), 0);
    close_bonds(&bonds, &file); /* what was not written is now */
    open_bonds(fixture, &bonds, &file);
    assert_non_null(bonds_get(&bonds, 2));
    close_bonds(&bonds, &file);
}

static void test_a_bond_that_could_not_be_written_is_with_the_next(void **state)
{
    struct fixture *fixture = *state;
    struct bonds bonds;
    struct state_file file;
    struct rlimit limit;
    const struct rlimit few = {1, RLIM_INFINITY};
    name_bonds(fixture);
    open_bonds(fixture, &bonds, &file);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &few), 0);
    put_bond(&bonds, 1, 0xA0);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_int_equal(fixture->n_warnings, 1);
    assert_non_null(bonds_get(&bonds, 1));
    put_bond(&bonds, 2, 0xA0);
    bonds_deinit(&bonds);
    bonds_init(&bonds, &fixture->loop->env, fixture->hub);
    state_file_deinit(&file); /* nothing is left to write */
    open_bonds(fixture, &bonds, &file);
    assert_non_null(bonds_get(&bonds, 1));
    assert_non_null(bonds_get(&bonds, 2));
    close_bonds(&bonds, &file);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_what_is_known_is_there_again_after_a_restart),
        TEST(test_nothing_is_written_when_nothing_has_changed),
        TEST(test_changes_are_written_together_a_second_after_the_first),
        TEST(test_a_damaged_file_is_set_aside),
        TEST(test_a_truncated_file_is_damaged),
        TEST(test_a_folder_that_is_missing_is_a_warning),
        TEST(test_what_is_no_file_is_a_warning),
        TEST(test_a_file_of_senseless_size_is_neither_read_nor_written),
        TEST(test_a_full_disk_leaves_the_old_file),
        TEST(test_a_bond_is_written_at_once),
        TEST(test_two_programs_at_once_lose_no_bond),
        TEST(test_a_damaged_record_of_bonds_is_set_aside),
        TEST(test_a_record_that_cannot_be_read_is_not_overwritten),
        TEST(test_a_bond_that_could_not_be_written_is_with_the_next),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
