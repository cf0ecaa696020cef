// Sums of rows of x and their scaling into y, in the order of docs/numbers.md: lane l of EXCITON_LANES adds the elements
// i % EXCITON_LANES == l of a chunk, a tree adds the lanes, and the chunks are added one after the other.
// Wants the slots x and (to scale) y declared; IN_PLACE: y is x. SCALES: scale_row is wanted. TEXELS: form lanes where a
// group is a task on a processor and its work-items are lanes of one vector; each has rows of its own.
// Written out rather than in loops over lanes: an array that is not split into registers would be slow everywhere, and
// llvmpipe ends every loop when a work-item has made 65,535 iterations, all loops together (src/ops/se_work.c counts them).

#if EXCITON_LANES != 32
#error "the lanes are written out for 32"
#endif

#ifdef SCALES
void put(uint i, float v)
{
#ifdef IN_PLACE
    x[i] = v;
#else
    y[i] = v;
#endif
}
#endif

#if !defined(ROWS)
// A side of SIDE work-items shares a row; each holds EACH lanes, SIDE apart. A group has SIDES rows at a time.
#ifdef TEXELS
const uint SIDE = 1u;
#else
const uint SIDE = GROUP < 32u ? GROUP : 32u;
#endif
const uint EACH = 32u / SIDE;
const uint SIDES = GROUP / SIDE;

uint side() { return gl_LocalInvocationIndex / SIDE; }
uint lane() { return gl_LocalInvocationIndex % SIDE; }
#endif

#ifdef TEXELS
// Eight floats as one vector for storing.
u64vec4 eight_of(vec4 a, vec4 b)
{
    uvec4 low = floatBitsToUint(a), high = floatBitsToUint(b);
    return u64vec4(packUint2x32(low.xy), packUint2x32(low.zw), packUint2x32(high.xy), packUint2x32(high.zw));
}
#endif

#if defined(TEXELS)

// x again, a float and four floats a texel: llvmpipe fetches texels as vectors, but reads a storage buffer an element at a
// time (docs/drivers.md). In place a work-item reads here what it then writes, and nobody else does.
layout(binding = 4) uniform samplerBuffer x1;
layout(binding = 5) uniform samplerBuffer x4;
#ifdef SCALES
#ifdef IN_PLACE
#define WRITTEN 0
#else
#define WRITTEN 1
#endif
layout(std430, binding = WRITTEN) writeonly buffer Fours { vec4 fours[]; };
layout(std430, binding = WRITTEN) writeonly buffer Eights { u64vec4 eights[]; }; // of floats
#endif

// Elements from i on. Beyond the last is another row, or nothing. A lane is never -0: adding +0 changes nothing.
vec4 four(uint i, uint last)
{
    vec4 v = texelFetch(x4, int(min(i, last) >> 2));
    return i <= last ? v : vec4(0.0);
}

// The end of x that is no whole texel of four.
vec4 rest_of_x(uint whole)
{
    int i = int(whole << 2), end = textureSize(x1) - 1;
    return vec4(texelFetch(x1, min(i, end)).x, texelFetch(x1, min(i + 1, end)).x, texelFetch(x1, min(i + 2, end)).x, 0.0);
}

vec4 texel(uint index, uint whole, vec4 rest)
{
    vec4 v = texelFetch(x4, int(min(index, max(whole, 1u) - 1u)));
    return mix(rest, v, bvec4(index < whole));
}

// Four elements from i on, out of the texels that i lies in and the next.
vec4 out_of(vec4 a, vec4 b, uint i, uint last)
{
    bool one = (i & 1u) != 0u;
    vec4 v = mix(a, vec4(a.yzw, b.x), bvec4(one));
    vec2 next = mix(b.xy, b.yz, bvec2(one));
    v = mix(v, vec4(v.zw, next), bvec4((i & 2u) != 0u));
    return mix(vec4(0.0), v, lessThanEqual(uvec4(i, i + 1u, i + 2u, i + 3u), uvec4(last)));
}

// count >= 1 elements of one chunk from x[at]. Of the two loops one has nothing to do: llvmpipe does not jump, it runs the
// body once without effect, and an if besides would cost that, too.
float chunk_sum(uint at, uint count)
{
    vec4 a0 = vec4(0.0), a1 = vec4(0.0), a2 = vec4(0.0), a3 = vec4(0.0);
    vec4 a4 = vec4(0.0), a5 = vec4(0.0), a6 = vec4(0.0), a7 = vec4(0.0);
    uint last = at + count - 1u;
    bool wide = ((at | count) & 3u) == 0u; // whole texels
    for (uint i = wide ? at : last + 1u; i <= last; i += 32u) {
        a0 += four(i, last);
        a1 += four(i + 4u, last);
        a2 += four(i + 8u, last);
        a3 += four(i + 12u, last);
        a4 += four(i + 16u, last);
        a5 += four(i + 20u, last);
        a6 += four(i + 24u, last);
        a7 += four(i + 28u, last);
    }
    uint whole = uint(textureSize(x1)) >> 2, index = at >> 2;
    vec4 rest = rest_of_x(whole);
    vec4 b0 = texel(index, whole, rest);
    for (uint i = wide ? last + 1u : at; i <= last; i += 32u) {
        vec4 b1 = texel(index + 1u, whole, rest), b2 = texel(index + 2u, whole, rest), b3 = texel(index + 3u, whole, rest);
        vec4 b4 = texel(index + 4u, whole, rest), b5 = texel(index + 5u, whole, rest), b6 = texel(index + 6u, whole, rest);
        vec4 b7 = texel(index + 7u, whole, rest), b8 = texel(index + 8u, whole, rest);
        index += 8u;
        a0 += out_of(b0, b1, i, last);
        a1 += out_of(b1, b2, i + 4u, last);
        a2 += out_of(b2, b3, i + 8u, last);
        a3 += out_of(b3, b4, i + 12u, last);
        a4 += out_of(b4, b5, i + 16u, last);
        a5 += out_of(b5, b6, i + 20u, last);
        a6 += out_of(b6, b7, i + 24u, last);
        a7 += out_of(b7, b8, i + 28u, last);
        b0 = b8;
    }
    a0 += a4;
    a1 += a5;
    a2 += a6;
    a3 += a7;
    a0 += a2;
    a1 += a3;
    a0 += a1;
    vec2 b = a0.xy + a0.zw;
    return b.x + b.y;
}

// As in the other lanes, but no barrier is met.
float row_sum(float total, uint at, uint count, uint longest)
{
    for (uint done = 0u; done < count; done += EXCITON_CHUNK)
        total += chunk_sum(at + done, min(uint(EXCITON_CHUNK), count - done));
    return total;
}

// Means of `rows` rows, one after the other; +0 for what is missing of four.
vec4 four_means(uint at, uint rows, uint row_length, float divisor)
{
    vec4 means = vec4(0.0);
    for (uint k = 0u; k < rows; ++k) {
        float mean = exciton_divide(row_sum(0.0, at + k * row_length, row_length, row_length), divisor);
        means = mix(means, vec4(mean), equal(uvec4(k), uvec4(0u, 1u, 2u, 3u)));
    }
    return means;
}

#ifdef SCALES
// The gates of elements i to i + 3 of four rows.
vec4 gates_of(vec4 g, uint i, uint row_length)
{
    ivec4 e = ivec4(int(i)) + ivec4(0, 1, 2, 3);
    int row = int(row_length);
    vec4 v = mix(g.yyyy, g.xxxx, lessThan(e, ivec4(row)));
    v = mix(g.zzzz, v, lessThan(e, ivec4(2 * row)));
    return mix(g.wwww, v, lessThan(e, ivec4(3 * row)));
}

vec4 output_of(vec4 g, vec4 v, uint residual, uint then)
{
    return vec4(exciton_apply_output(residual, then, g.x, v.x), exciton_apply_output(residual, then, g.y, v.y),
                exciton_apply_output(residual, then, g.z, v.z), exciton_apply_output(residual, then, g.w, v.w));
}

// Element k of those that are no whole vector.
void scale_one(vec4 g, uint row_length, uint from, uint to, uint k, uint head, uint tail, uint residual, uint then)
{
    uint i = k < head ? k : k - head + tail;
    put(to + i, exciton_apply_output(residual, then, gates_of(g, i, row_length).x, texelFetch(x1, int(from + i)).x));
}

// `count` elements of up to four rows, one after the other, each with its gate. Whole texels of x that are whole vectors of
// y, two by two where that is a vector of eight; one by one what is before and behind them.
void scale_rows(vec4 g, uint row_length, uint from, uint to, uint count, uint residual, uint then)
{
    bool alike = ((from ^ to) & 3u) == 0u;
    uint head = alike ? min((4u - from) & 3u, count) : count;
    uint whole = (count - head) / 4u;
    uint tail = head + whole * 4u; // where it begins
    uint single = whole > 0u ? (to + head) >> 2 & 1u : 0u;
    uint begin = head + single * 4u, end = begin + (whole - single) / 2u * 8u;
    for (uint i = begin; i < end; i += 16u) {
        // All loads first: rows a power of two apart share a few lines of a cache.
        int at = int((from + i) >> 2), most = int((from + end - 1u) >> 2);
        vec4 v0 = texelFetch(x4, at), v1 = texelFetch(x4, at + 1), v2 = texelFetch(x4, min(at + 2, most)), v3 = texelFetch(x4, min(at + 3, most));
        eights[(to + i) >> 3] = eight_of(output_of(gates_of(g, i, row_length), v0, residual, then),
                                         output_of(gates_of(g, i + 4u, row_length), v1, residual, then));
        if (i + 8u < end)
            eights[(to + i + 8u) >> 3] = eight_of(output_of(gates_of(g, i + 8u, row_length), v2, residual, then),
                                                  output_of(gates_of(g, i + 12u, row_length), v3, residual, then));
    }
    uint singles = single + (whole - single) % 2u;
    for (uint k = 0u; k < singles; ++k) {
        uint i = k < single ? head : end;
        fours[(to + i) >> 2] = output_of(gates_of(g, i, row_length), texelFetch(x4, int((from + i) >> 2)), residual, then);
    }
    uint ones = head + count - tail;
    for (uint k = 0u; k < ones; k += 4u) {
        scale_one(g, row_length, from, to, k, head, tail, residual, then);
        if (k + 1u < ones)
            scale_one(g, row_length, from, to, k + 1u, head, tail, residual, then);
        if (k + 2u < ones)
            scale_one(g, row_length, from, to, k + 2u, head, tail, residual, then);
        if (k + 3u < ones)
            scale_one(g, row_length, from, to, k + 3u, head, tail, residual, then);
    }
}

void scale_row(float g, uint from, uint to, uint count, uint residual, uint then)
{
    scale_rows(vec4(g), count, from, to, count, residual, then);
}
#endif

#elif defined(ROWS)

// Beyond the last element is another row, or nothing. A lane is never -0: adding +0 changes nothing.
float element(uint i, uint last)
{
    float v = x[min(i, last)];
    return i <= last ? v : 0.0;
}

#define FOUR(i) vec4(x[i], x[(i) + 1u], x[(i) + 2u], x[(i) + 3u])
#define REST(i) vec4(element(i, last), element((i) + 1u, last), element((i) + 2u, last), element((i) + 3u, last))

// count >= 1 elements of one chunk from x[at]; a work-item's own, its lanes in registers.
float chunk_sum(uint at, uint count)
{
    vec4 a0 = vec4(0.0), a1 = vec4(0.0), a2 = vec4(0.0), a3 = vec4(0.0);
    vec4 a4 = vec4(0.0), a5 = vec4(0.0), a6 = vec4(0.0), a7 = vec4(0.0);
    uint i = at;
    for (uint whole = at + count / 32u * 32u; i < whole; i += 32u) {
        a0 += FOUR(i);
        a1 += FOUR(i + 4u);
        a2 += FOUR(i + 8u);
        a3 += FOUR(i + 12u);
        a4 += FOUR(i + 16u);
        a5 += FOUR(i + 20u);
        a6 += FOUR(i + 24u);
        a7 += FOUR(i + 28u);
    }
    uint last = at + count - 1u;
    if (i <= last) {
        a0 += REST(i);
        a1 += REST(i + 4u);
        a2 += REST(i + 8u);
        a3 += REST(i + 12u);
        a4 += REST(i + 16u);
        a5 += REST(i + 20u);
        a6 += REST(i + 24u);
        a7 += REST(i + 28u);
    }
    a0 += a4;
    a1 += a5;
    a2 += a6;
    a3 += a7;
    a0 += a2;
    a1 += a3;
    a0 += a1;
    vec2 b = a0.xy + a0.zw;
    return b.x + b.y;
}

float row_sum(float total, uint at, uint count)
{
    for (uint done = 0u; done < count; done += EXCITON_CHUNK)
        total += chunk_sum(at + done, min(uint(EXCITON_CHUNK), count - done));
    return total;
}

#ifdef SCALES
void scale_four(float g, uint from, uint to, uint residual, uint then)
{
    vec4 v = FOUR(from);
    put(to, exciton_apply_output(residual, then, g, v.x));
    put(to + 1u, exciton_apply_output(residual, then, g, v.y));
    put(to + 2u, exciton_apply_output(residual, then, g, v.z));
    put(to + 3u, exciton_apply_output(residual, then, g, v.w));
}

void scale_row(float g, uint from, uint to, uint count, uint residual, uint then)
{
    uint i = 0u;
    for (; i + 16u <= count; i += 16u) {
        scale_four(g, from + i, to + i, residual, then);
        scale_four(g, from + i + 4u, to + i + 4u, residual, then);
        scale_four(g, from + i + 8u, to + i + 8u, residual, then);
        scale_four(g, from + i + 12u, to + i + 12u, residual, then);
    }
    for (; i < count; ++i)
        put(to + i, exciton_apply_output(residual, then, g, x[from + i]));
}
#endif

#else // form lanes

shared float tree[GROUP];

#define FIRST_EIGHT(F) F(0u) F(1u) F(2u) F(3u) F(4u) F(5u) F(6u) F(7u)
#define SECOND_EIGHT(F) F(8u) F(9u) F(10u) F(11u) F(12u) F(13u) F(14u) F(15u)
#define LAST_SIXTEEN(F) \
    F(16u) F(17u) F(18u) F(19u) F(20u) F(21u) F(22u) F(23u) \
    F(24u) F(25u) F(26u) F(27u) F(28u) F(29u) F(30u) F(31u)
#define EACH_LANE(F) FIRST_EIGHT(F) if (EACH > 8u) { SECOND_EIGHT(F) } if (EACH > 16u) { LAST_SIXTEEN(F) }

// Of the lanes that a work-item holds; EACH is known when the shader is compiled.
#define ADD(n) if (n < EACH) a[n] += x[p + n * SIDE];
#define ADD_REST(n) if (n < EACH && i + n * SIDE < count) a[n] += x[p + n * SIDE];
#define LOAD_ONE(n) v[n] = x[p + n * 32u];
#define LOAD_REST(n) v[n] = i + n * 32u < count ? x[p + n * 32u] : 0.0; // a lane is never -0: adding +0 changes nothing
#define ADD_ONE(n) a[0] += v[n];
#define ZERO(n) a[n] = 0.0;
#define JOIN16(n) a[n] += a[n + 16u];
#define JOIN8(n) a[n] += a[n + 8u];

#define LEVEL(half_side)                       \
    if (SIDE > half_side) {                    \
        if (lane() < half_side)                \
            tree[me] += tree[me + half_side];  \
        barrier();                             \
    }

// `count` elements of one chunk from x[at], 0 for a side without a row. The whole group calls it; right in lane 0 only,
// which leaves its slot of the tree to nobody else, so that no barrier is needed before the next call.
float chunk_sum(uint at, uint count)
{
    float a[32]; // indexed by constants only
    FIRST_EIGHT(ZERO) SECOND_EIGHT(ZERO) LAST_SIXTEEN(ZERO)
    uint i = lane();
    uint p = at + i;
    uint whole = count / 32u * 32u;
    if (EACH == 1u) {
        float v[BATCH];
        for (; i + (BATCH - 1u) * 32u < count; i += BATCH * 32u, p += BATCH * 32u) {
            EACH_OF_BATCH(LOAD_ONE)
            EACH_OF_BATCH(ADD_ONE)
        }
        EACH_OF_BATCH(LOAD_REST)
        EACH_OF_BATCH(ADD_ONE)
    } else {
        for (; i < whole; i += 32u) {
            EACH_LANE(ADD)
            p += 32u;
        }
        EACH_LANE(ADD_REST)
    }
    if (EACH > 16u) {
        FIRST_EIGHT(JOIN16) SECOND_EIGHT(JOIN16)
    }
    if (EACH > 8u) {
        FIRST_EIGHT(JOIN8)
    }
    if (EACH > 4u) {
        a[0] += a[4];
        a[1] += a[5];
        a[2] += a[6];
        a[3] += a[7];
    }
    if (EACH > 2u) {
        a[0] += a[2];
        a[1] += a[3];
    }
    if (EACH > 1u)
        a[0] += a[1];
    uint me = gl_LocalInvocationIndex;
    tree[me] = a[0];
    barrier();
    LEVEL(16u)
    LEVEL(8u)
    LEVEL(4u)
    LEVEL(2u)
    LEVEL(1u)
    return tree[me];
}

// `longest` is the group's largest count: barriers are met by all.
float row_sum(float total, uint at, uint count, uint longest)
{
    for (uint done = 0u; done < longest; done += EXCITON_CHUNK) {
        uint left = done < count ? min(uint(EXCITON_CHUNK), count - done) : 0u;
        float sum = chunk_sum(at + done, left);
        if (left > 0u)
            total += sum;
    }
    return total;
}

#ifdef SCALES
#define LOAD_X(n) v[n] = x[from + i + n * SIDE];
#define LOAD_X_REST(n) v[n] = i + n * SIDE < count ? x[from + i + n * SIDE] : 0.0;
#define PUT(n) put(to + i + n * SIDE, exciton_apply_output(residual, then, g, v[n]));
#define PUT_REST(n) if (i + n * SIDE < count) PUT(n)

void scale_row(float g, uint from, uint to, uint count, uint residual, uint then)
{
    float v[BATCH];
    uint i = lane();
    for (; i + (BATCH - 1u) * SIDE < count; i += BATCH * SIDE) {
        EACH_OF_BATCH(LOAD_X)
        EACH_OF_BATCH(PUT)
    }
    EACH_OF_BATCH(LOAD_X_REST)
    EACH_OF_BATCH(PUT_REST)
}
#endif

#endif
