/* SPDX-License-Identifier: MIT */
#include "program.h"

#include "device.h"
#include "visit.h"

/* So much time a program lets pass between two things that it does. */
#define PAUSE_MOST_NS (2 * NS_PER_S)
/* Within that a link that is to end has ended. */
#define FAREWELL_NS (21 * NS_PER_S)

static void program_bury(struct program *program, unsigned place)
{
    struct visit *visit = program->places[place];
    program->places[place] = NULL;
    list_append(&program->past, &visit->node);
}

static void program_step(struct program *program)
{
    struct world *world = program->world;
    unsigned place = (unsigned)world_chance(world, PLACES_MAX);
    if (!program->places[place]) {
        const struct device *device = &world->devices[world_chance(world, world->scale.n_devices)];
        program->places[place] = visit_new(world, device->gatt);
    } else if (visit_is_over(program->places[place])) {
        program_bury(program, place);
    } else {
        visit_act(program->places[place]);
    }
}

static void program_wake(struct world *world, void *what, uint64_t detail)
{
    struct program *program = what;
    (void)detail;
    if (program->leaving)
        return;
    program_step(program);
    world_after(world, world_between(world, 0, PAUSE_MOST_NS), program_wake, program, 0);
}

void program_init(struct program *program, struct world *world, unsigned index)
{
    (void)index;
    *program = (struct program){.world = world};
    list_init(&program->past);
    world_after(world, world_between(world, 0, 10 * NS_PER_S), program_wake, program, 0);
}

void program_deinit(struct program *program)
{
    for (unsigned i = 0; i < PLACES_MAX; i++)
        if (program->places[i]) {
            visit_end(program->places[i]);
            program_bury(program, i);
        }
    list_for_each(node, &program->past) visit_delete(list_entry(node, struct visit, node));
}

void program_check(struct program *program)
{
    for (unsigned i = 0; i < PLACES_MAX; i++)
        if (program->places[i])
            visit_check(program->places[i]);
}

void program_note_service(struct program *program)
{
    for (unsigned i = 0; i < PLACES_MAX; i++)
        if (program->places[i])
            visit_note_service(program->places[i]);
}

static void program_free_all(struct world *world, void *what, uint64_t detail)
{
    struct program *program = what;
    (void)world;
    (void)detail;
    for (unsigned i = 0; i < PLACES_MAX; i++)
        if (program->places[i])
            visit_end(program->places[i]);
}

void program_leave(struct program *program)
{
    struct world *world = program->world;
    program->leaving = true;
    for (unsigned i = 0; i < PLACES_MAX; i++)
        if (program->places[i] && world_chance(world, 2) == 0)
            visit_disconnect(program->places[i]);
        else if (program->places[i])
            visit_end(program->places[i]);
    world_after(world, FAREWELL_NS, program_free_all, program, 0);
}

void program_check_aborted(struct program *program)
{
    program->leaving = true;
    for (unsigned i = 0; i < PLACES_MAX; i++) {
        struct visit *visit = program->places[i];
        if (!visit)
            continue;
        world_expect(program->world, list_empty(&visit->pending), "an operation outlives the central");
        visit_end(visit);
    }
}
