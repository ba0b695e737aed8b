/*
 * The simulator: random operations and faults against the real controllers.
 *
 *     sim --seed S --steps N      one run; the seed makes it the same again
 *     sim --runs R --steps N      runs with seeds 1 to R
 *
 * After each step the invariants must hold; when the faults end, everything must converge.
 */
#include "history.h"
#include "invariants.h"
#include "operations.h"

#include "service/doc.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

enum { STEP_MS = 20000, REST_MS = 45 * 60000 };

struct run {
    struct simulated_cloud *cloud;
    struct history history;
    uint64_t seed;
    int step;
    bool verbose;
};

/* Documents of a kind as they are, for whoever looks into a failure. */
static void dump(const struct run *run, const char *kind)
{
    store_each (cursor, run->cloud->store, kind, run->cloud->region) {
        fprintf(stderr, "%s ", cursor.id);
        json_dumpf(cursor.doc, stderr, JSON_INDENT(2));
        fputc('\n', stderr);
    }
}

static int fail(const struct run *run, const char *text)
{
    fprintf(stderr, "seed %llu, step %d: %s\n", (unsigned long long)run->seed, run->step, text);
    fprintf(stderr, "replay: sim --seed %llu --steps %d --verbose\n", (unsigned long long)run->seed,
            run->step);
    if (!run->verbose)
        return 1;
    dump(run, "auto-scaling-group");
    dump(run, "instance");
    return 1;
}

static void tell(const struct run *run, const char *what)
{
    if (run->verbose && what)
        fprintf(stderr, "step %d: %s%s%s\n", run->step, what,
                run->cloud->err.text[0] ? ": refused: " : "", run->cloud->err.text);
}

/* Processes go away and come back. */
static void disturb(const struct run *run)
{
    struct simulated_cloud *cloud = run->cloud;
    cloud->err = (struct err){0};
    if (!cloud->host_present && cloud_chance(cloud, 0.3)) {
        bool keeps = cloud_chance(cloud, 0.7);
        cloud_host_returns(cloud, keeps);
        tell(run, keeps ? "host returns" : "host returns without its instances");
    } else if (cloud_chance(cloud, 0.03)) {
        cloud_host_leaves(cloud);
        tell(run, "host leaves");
    }
    if (!cloud->balancer_present && cloud_chance(cloud, 0.3)) {
        cloud_balancer_returns(cloud);
        tell(run, "balancer returns");
    } else if (cloud_chance(cloud, 0.03)) {
        cloud_balancer_leaves(cloud);
        tell(run, "balancer leaves");
    }
}

/* The process that has the state: what it did not write is gone. */
static void restart_api(const struct run *run)
{
    if (!cloud_chance(run->cloud, 0.02))
        return;
    cloud_api_restarts(run->cloud);
    tell(run, "api restarts");
}

static void begin_faults(struct simulated_cloud *cloud)
{
    cloud->faults = (struct simulated_faults){
        .start_fails = 0.1,
        .dies = 0.01,
        .turns_sick = 0.01,
        .recovers = 0.2,
        .message_is_late = 0.05,
    };
}

static size_t count_activities(const struct simulated_cloud *cloud)
{
    return store_count(cloud->store, "scaling-activity", cloud->region);
}

/* Whether a lifetime ends before `until_ms`: then instances come and go, and not without a cause.
 */
static bool lifetime_ends(const struct simulated_cloud *cloud, int64_t until_ms)
{
    store_each (cursor, cloud->store, "auto-scaling-group", cloud->region) {
        int64_t lifetime_ms = doc_number(cursor.doc, "MaxInstanceLifetime") * 1000;
        size_t i;
        const json_t *member;
        json_array_foreach (json_object_get(cursor.doc, "Instances"), i, member)
            if (lifetime_ms && doc_number(member, "_launched_ms") + lifetime_ms < until_ms)
                return true;
    }
    return false;
}

/* No more faults or orders: what was wanted last must come about, and stay. */
static const char *come_to_rest(struct simulated_cloud *cloud)
{
    cloud->faults = (struct simulated_faults){.recovers = 1};
    cloud->load = 0;
    if (!cloud->host_present)
        cloud_host_returns(cloud, true);
    if (!cloud->balancer_present)
        cloud_balancer_returns(cloud);
    sim_let_go(cloud);
    cloud_run(cloud, REST_MS);
    sim_let_go(cloud);
    cloud_run(cloud, REST_MS);
    size_t activities = count_activities(cloud);
    bool wears = lifetime_ends(cloud, cloud->now_ms + REST_MS);
    cloud_run(cloud, REST_MS);
    if (!wears && count_activities(cloud) != activities)
        return "groups go on changing without a cause";
    return sim_unsettled(cloud);
}

static int run_steps(struct run *run, int steps)
{
    struct simulated_cloud *cloud = run->cloud;
    const char *text;
    begin_faults(cloud);
    for (run->step = 1; run->step <= steps; run->step++) {
        disturb(run);
        restart_api(run);
        tell(run, sim_operate(cloud));
        cloud_run(cloud, (int64_t)cloud_random(cloud, STEP_MS));
        text = sim_broken_invariant(cloud);
        if (!text)
            text = history_step(&run->history, cloud);
        if (text)
            return fail(run, text);
    }
    run->step = steps;
    text = come_to_rest(cloud);
    if (!text)
        text = sim_broken_invariant(cloud);
    if (!text)
        text = history_end(cloud);
    return text ? fail(run, text) : 0;
}

static int run_seed(uint64_t seed, int steps, bool verbose)
{
    struct run run = {.cloud = cloud_create(seed), .seed = seed, .verbose = verbose};
    run.cloud->prints_log = verbose;
    sim_set_up(run.cloud);
    int result = run_steps(&run, steps);
    history_finish(&run.history);
    cloud_destroy(run.cloud);
    return result;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"seed", required_argument, NULL, 's'},
                                            {"steps", required_argument, NULL, 'n'},
                                            {"runs", required_argument, NULL, 'r'},
                                            {"verbose", no_argument, NULL, 'v'},
                                            {NULL, 0, NULL, 0}};
    uint64_t first = 1, runs = 1;
    int steps = 500, option, failed = 0;
    bool verbose = false;
    while ((option = getopt_long(argc, argv, "s:n:r:v", options, NULL)) != -1) {
        if (option == 's')
            first = strtoull(optarg, NULL, 10);
        else if (option == 'n')
            steps = (int)strtol(optarg, NULL, 10);
        else if (option == 'r')
            runs = strtoull(optarg, NULL, 10);
        else if (option == 'v')
            verbose = true;
        else
            return 2;
    }
    for (uint64_t seed = first; seed < first + runs; seed++)
        failed += run_seed(seed, steps, verbose);
    printf("%llu runs of %d steps, %d failed\n", (unsigned long long)runs, steps, failed);
    return failed > 0;
}
