/* How many members are replaced at once, and what is told of those that come for others. */
#include "control/groups.h"

#include <string.h>

int replacement_surplus(const struct replacement *replacement)
{
    int surplus = (int)(replacement->desired * (replacement->most - 100) / 100);
    if (replacement->most > 100 && surplus == 0)
        surplus = 1;
    return surplus < replacement->left ? surplus : replacement->left;
}

int replacement_goers(const struct replacement *replacement, int surplus)
{
    int desired = replacement->desired, serving = replacement->serving;
    int spare = serving - (int)((desired * replacement->least + 99) / 100);
    bool rests = serving == replacement->active && serving == desired + surplus;
    if (surplus > 0) /* others come first: as many go as are there in excess */
        spare = serving - desired < spare ? serving - desired : spare;
    return spare < 1 && rests ? 1 : spare;
}

void groups_set_surplus(struct groups_pass *pass, int count, const char *sentence)
{
    const json_t *group = groups_look(pass);
    if (doc_number(group, "_surplus") == count &&
        !strcmp(doc_text(group, "_surplus_cause"), count && sentence ? sentence : ""))
        return;
    json_t *edited = groups_edit(pass);
    json_object_del(edited, "_surplus");
    json_object_del(edited, "_surplus_cause");
    if (!count)
        return;
    json_object_set_new(edited, "_surplus", json_integer(count));
    if (sentence)
        json_object_set_new(edited, "_surplus_cause", json_string(sentence));
}

void groups_push_replacement(json_t *group, const char *sentence)
{
    json_t *sentences = json_object_get(group, "_replacements");
    if (!json_is_array(sentences))
        json_object_set_new(group, "_replacements", sentences = json_array());
    json_array_append_new(sentences, json_string(sentence));
}
