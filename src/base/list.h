/* Intrusive doubly linked list. A field says what links it: `struct list all; // target.link` */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *next, *prev;
};

static inline void list_init(struct list *list)
{
    list->next = list->prev = list;
}

static inline bool list_empty(const struct list *list)
{
    return list->next == list;
}

/* Adds `item` as the last of `list`. */
static inline void list_append(struct list *list, struct list *item)
{
    item->prev = list->prev;
    item->next = list;
    list->prev->next = item;
    list->prev = item;
}

/* Adds `item` as the first of `list`. */
static inline void list_prepend(struct list *list, struct list *item)
{
    list_append(list->next, item);
}

/* Takes `item` out and leaves it empty; harmless on an item that is in no list but initialised. */
static inline void list_remove(struct list *item)
{
    item->prev->next = item->next;
    item->next->prev = item->prev;
    list_init(item);
}

#define container_of(pointer, type, member)                                                        \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

/* Loops over items of `type`; the loop body must not remove the current item. */
#define list_each(variable, list, type, member)                                                    \
    for (type *variable = container_of((list)->next, type, member); &variable->member != (list);   \
         variable = container_of(variable->member.next, type, member))

/* Like list_each, but the body may remove (and free) the current item. */
#define list_each_safe(variable, list, type, member)                                               \
    for (type *variable = container_of((list)->next, type, member),                                \
              *variable##_next = container_of(variable->member.next, type, member);                \
         &variable->member != (list); variable = variable##_next,                                  \
              variable##_next = container_of(variable##_next->member.next, type, member))
