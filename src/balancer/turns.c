#include "balancer/turns.h"

static void on_due(struct loop_timer *timer)
{
    struct turns *turns = timer->owner;
    for (int i = 0; i < TURNS_AT_ONCE && !list_empty(&turns->waiting); i++) {
        struct turn *turn = container_of(turns->waiting.next, struct turn, link);
        turn_leave(turn);
        turn->on_turn(turn);
    }
    if (!list_empty(&turns->waiting))
        loop_timer_set(turns->loop, timer, turns->pause_ms);
}

void turns_init(struct turns *turns, struct loop *loop, int64_t pause_ms)
{
    turns->loop = loop;
    turns->pause_ms = pause_ms;
    loop_timer_init(&turns->timer, on_due, turns);
    list_init(&turns->waiting);
}

void turns_finish(struct turns *turns)
{
    loop_timer_clear(turns->loop, &turns->timer);
}

void turn_init(struct turn *turn, void (*on_turn)(struct turn *turn))
{
    turn->on_turn = on_turn;
    list_init(&turn->link);
}

void turn_wait(struct turns *turns, struct turn *turn)
{
    if (!list_empty(&turn->link))
        return;
    if (list_empty(&turns->waiting)) /* else the timer is set */
        loop_timer_set(turns->loop, &turns->timer, 0);
    list_append(&turns->waiting, &turn->link);
}

void turn_leave(struct turn *turn)
{
    list_remove(&turn->link);
}
