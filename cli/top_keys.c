/* SPDX-License-Identifier: MIT */
#include "top.h"

/* Escape sequences: "ESC [ A", "ESC O A", "ESC [ 5 ~", "ESC [ 1 ; 2 A". */
enum { BETWEEN, AFTER_ESCAPE, IN_NUMBER, AFTER_NUMBER };
enum { ESCAPE = 0x1b, NUMBER_MAX = 1000 };

static enum top_key plain_key(unsigned char byte)
{
    switch (byte) {
    case 'q':
    case 'Q':
        return TOP_KEY_QUIT;
    case 'k':
        return TOP_KEY_UP;
    case 'j':
        return TOP_KEY_DOWN;
    case 'g':
        return TOP_KEY_FIRST;
    case 'G':
        return TOP_KEY_LAST;
    case '\t':
        return TOP_KEY_PANE;
    case 's':
        return TOP_KEY_SORT;
    case 'p':
    case ' ':
        return TOP_KEY_PAUSE;
    case 'h':
    case '?':
        return TOP_KEY_HELP;
    }
    return TOP_KEY_NONE;
}

static enum top_key final_key(unsigned char byte, unsigned number)
{
    switch (byte) {
    case 'A':
        return TOP_KEY_UP;
    case 'B':
        return TOP_KEY_DOWN;
    case 'H':
        return TOP_KEY_FIRST;
    case 'F':
        return TOP_KEY_LAST;
    case '~':
        return number == 5                  ? TOP_KEY_PAGE_UP
               : number == 6                ? TOP_KEY_PAGE_DOWN
               : number == 1 || number == 7 ? TOP_KEY_FIRST
               : number == 4 || number == 8 ? TOP_KEY_LAST
                                            : TOP_KEY_NONE;
    }
    return TOP_KEY_NONE;
}

static enum top_key sequence_key(struct top_keys *keys, unsigned char byte)
{
    bool is_digit = byte >= '0' && byte <= '9';
    if (is_digit && keys->step == IN_NUMBER && keys->number < NUMBER_MAX)
        keys->number = keys->number * 10 + (unsigned)(byte - '0');
    if (!is_digit)
        keys->step = AFTER_NUMBER;
    if (byte >= 0x20 && byte < 0x40)
        return TOP_KEY_NONE;
    keys->step = BETWEEN;
    return final_key(byte, keys->number);
}

enum top_key top_keys_feed(struct top_keys *keys, unsigned char byte)
{
    if (byte == ESCAPE) {
        *keys = (struct top_keys){.step = AFTER_ESCAPE};
        return TOP_KEY_NONE;
    }
    if (keys->step == IN_NUMBER || keys->step == AFTER_NUMBER)
        return sequence_key(keys, byte);
    bool begins = keys->step == AFTER_ESCAPE && (byte == '[' || byte == 'O');
    keys->step = begins ? IN_NUMBER : BETWEEN;
    return begins ? TOP_KEY_NONE : plain_key(byte);
}

static void scroll(struct top_pane *pane, long rows)
{
    if (rows < 0 && pane->first < (size_t)-rows)
        pane->first = 0;
    else
        pane->first += (size_t)rows; /* top_print() knows the end */
}

void top_view_key(struct top_view *view, enum top_key key)
{
    struct top_pane *pane = view->proxies_focused ? &view->proxies : &view->devices;
    long page = pane->page > 1 ? (long)pane->page - 1 : 1;
    switch (key) {
    case TOP_KEY_UP:
        scroll(pane, -1);
        break;
    case TOP_KEY_DOWN:
        scroll(pane, 1);
        break;
    case TOP_KEY_PAGE_UP:
        scroll(pane, -page);
        break;
    case TOP_KEY_PAGE_DOWN:
        scroll(pane, page);
        break;
    case TOP_KEY_FIRST:
        pane->first = 0;
        break;
    case TOP_KEY_LAST:
        pane->first = SIZE_MAX / 2;
        break;
    case TOP_KEY_PANE:
        view->proxies_focused = !view->proxies_focused;
        break;
    case TOP_KEY_SORT:
        view->sort = (enum top_sort)((view->sort + 1) % TOP_N_SORTS);
        view->devices.first = 0;
        break;
    case TOP_KEY_PAUSE:
        view->paused = !view->paused;
        break;
    case TOP_KEY_HELP:
        view->help = !view->help;
        break;
    case TOP_KEY_QUIT:
    case TOP_KEY_NONE:
        break;
    }
}
