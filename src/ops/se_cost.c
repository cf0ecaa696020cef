/* About how long a way takes: bytes moved at the speed of copies of that size, spread over the device's units, and a price
 * for each dispatch. Pure. What was measured on a device goes in as numbers; its type or maker doesn't. */
#include "base/checked.h"
#include "ops/se_layout.h"

/* Of a device that nobody measured: a distant one of the middle class. */
static const exciton_costs unmeasured = {.dispatch = 10000, .step = 3000, .points = 1, .copy = {{1 << 24, 1.7e6}}};

enum { UNKNOWN_UNITS = 64 };
static const double misfit = 4;    /* a form for the other kind of memory: barriers in tasks, or rows that nothing gathers */
static const double pipe = 1.05;   /* of a pipeline: it reads and writes two samples in turn, row by row */
static const double idle = 1.1;    /* of one that has a single sample each, or barriers that cost its work-items their loads under way */
static const double alone = 1.4;   /* of the baseline: its rows and layers are units of their own, which no neighbour helps */
static const double wake = 1;       /* dispatch more: a step for more than one unit where units are processors, which sleep in between */
static const double products = 1.5; /* of a weight, which is multiplied and added, against a byte that is only moved */
static const double crowded = 1.1;  /* of a sample's shares, which all read the same rows at the same time */
static const double shared = 0.5;   /* of the weights of samples whose layers are computed side by side */

static double least(double a, double b) { return a < b ? a : b; }

/* Nanoseconds a byte while a copy goes on that moves `bytes` in all: times between two measured sizes lie on a straight line,
 * so that more never takes less. */
static double rate(const exciton_costs *costs, double bytes)
{
    double size = (double)costs->copy[0].bytes, ns = costs->copy[0].ns;
    for (uint32_t i = 1; i < costs->points && bytes > size; ++i) {
        double next = (double)costs->copy[i].bytes, then = costs->copy[i].ns;
        if (bytes <= next)
            return (ns + (then - ns) * (bytes - size) / (next - size)) / bytes;
        size = next;
        ns = then;
    }
    return ns / size;
}

/* What a block's tensors and weights are, in bytes, and the speed at which they move. */
typedef struct traffic {
    const exciton_costs *costs;
    double samples, x, w1, w2;   /* x: of all samples */
    double all;                  /* nanoseconds a byte with everything in turn */
    double wake;                 /* a step for more than one unit */
    double matrix, weights;      /* with one layer's weights alone, of all samples before the other's, and with both in turn */
    double units;                /* what works side by side: processors, or work-items where each has a unit of its own */
    bool has_neighbours;         /* a work-item has neighbouring units, and what is a sample's is worked out once for them */
} traffic;

/* Units in turns of what works side by side: the last turn may be a small one. */
static double turns_of(const traffic *t, double units) { return (double)exciton_divide_up((uint64_t)units, (uint64_t)t->units) * t->units / units; }

static double woken(const traffic *t, double units) { return units > 1 ? t->wake : 0; }

static double cost_of_split(const exciton_se_problem *p, const traffic *t)
{
    double units = t->samples * p->blocks, parts = (double)p->blocks * p->hidden_pitch * sizeof(float);
    double heads = t->has_neighbours ? least(units, t->samples + t->units - 1) : units; /* each adds the parts of its sample */
    double squeeze = t->x * t->all + t->samples * t->w1 * t->matrix;
    double scale = 2 * t->x * t->all + (t->samples * t->w2 + heads * parts) * t->matrix;
    return t->costs->step + 2 * t->wake + turns_of(t, units) * (squeeze + scale);
}

static double cost_of_three(const traffic *t)
{
    return 3 * t->costs->step + 4 * t->wake + alone * (3 * t->x * t->all + t->samples * (t->w1 + t->w2) * t->matrix);
}

/* Speed of the second read of samples that are worked on side by side. */
static double again(const traffic *t)
{
    double live = exciton_min((uint64_t)t->units, (uint64_t)t->samples) * 3 * t->x / t->samples; /* x, y, and what stands between */
    return least(t->all, rate(t->costs, live));
}

static double cost_of_samples(const traffic *t, double shares)
{
    double units = t->samples * shares;
    double squeeze = shares * (t->x * t->all + t->samples * t->w1 * t->weights);
    double scale = t->x * (again(t) + t->all) + t->samples * t->w2 * t->weights;
    return woken(t, units) + turns_of(t, units) * (squeeze + scale) * (shares > 1 ? crowded : 1);
}

static double cost_of_pipeline(const traffic *t, double units, bool streams, exciton_form form)
{
    double moved = 2 * t->x * t->all + t->x * again(t);
    double times = streams ? pipe : !t->has_neighbours || units >= t->samples ? idle : form == EXCITON_FORM_ROWS ? pipe : 1;
    return woken(t, units) + turns_of(t, units) * (moved * times + t->samples * (t->w1 + t->w2) * t->weights);
}

uint64_t exciton_se_footprint(const exciton_se_problem *p)
{
    return 2 * sizeof(float) * (p->max.batch * p->channels * p->max_space + (uint64_t)p->channels * p->hidden);
}

double exciton_se_cost(const exciton_se_problem *p, const exciton_limits *limits, const exciton_costs *measured, const exciton_se_way *way,
                       uint64_t batch, uint64_t space, bool in_place)
{
    const exciton_costs *costs = measured ? measured : &unmeasured;
    double each = (double)p->channels * p->hidden * sizeof(float), x = (double)batch * p->channels * (double)space * sizeof(float);
    double footprint = (in_place ? 1 : 2) * x + 2 * each;
    bool streams = exciton_se_streams(p, limits, batch, space, in_place);
    traffic t = {.costs = costs, .samples = (double)batch, .x = x, .w1 = each, .w2 = each,
                 .all = rate(costs, footprint), .matrix = products * rate(costs, each), .weights = products * rate(costs, 2 * each),
                 .has_neighbours = way->form == EXCITON_FORM_ROWS || exciton_se_texels(limits)};
    t.wake = limits->local_memory_is_global ? wake * costs->dispatch : 0;
    t.units = limits->compute_units ? limits->compute_units : UNKNOWN_UNITS;
    if (way->form == EXCITON_FORM_ROWS)
        t.units *= way->group_size;
    double cost = 0;
    switch (way->schedule) {
    case EXCITON_SCHEDULE_SPLIT_EXCITE:
        cost = cost_of_split(p, &t);
        break;
    case EXCITON_SCHEDULE_SAMPLE_IN_GROUP:
        if (exciton_se_together(p, way, space) > 1 && t.samples >= 2 * t.units)
            t.weights *= shared;
        cost = cost_of_samples(&t, way->shares);
        break;
    case EXCITON_SCHEDULE_PIPELINED:
        cost = cost_of_pipeline(&t, (double)exciton_divide_up(batch, exciton_se_run(p, limits, way, batch, space)), streams, way->form);
        break;
    default:
        cost = cost_of_three(&t);
    }
    bool fits = (way->form == EXCITON_FORM_ROWS) == (limits->local_memory_is_global && !exciton_se_texels(limits));
    return costs->dispatch + cost * (fits ? 1 : misfit);
}
