// Sums of the two layers, shared by the kernels that form h and g. Wants the slots w and t declared, and the params
// channels, hidden and block. The values that weights are multiplied by lie in the scratch, in form lanes in
// work-group memory.

#if defined(ROWS)
#define VALUE(i) t[i]
#elif defined(TEXELS)
shared vec4 store[(LOCAL + 3u) / 4u]; // llvmpipe goes through the lanes once for four values
#else
shared float store[LOCAL];
#define VALUE(i) store[i]
#endif

uint blocks_of(uint count)
{
    return (count + block - 1u) / block;
}

#ifndef TEXELS
// BATCH loads under way at once: a GPU's memory answers after hundreds of cycles, and compilers move no load over additions
// in a loop.
#define LOAD_W(n) a[n] = w[p + n * pitch];
#define ADD_W(n) v += a[n] * VALUE(from + k + n);

// v + w[at] value[from] + w[at + pitch] value[from + 1] + ..., from left to right.
float add_column(float v, uint at, uint pitch, uint from, uint count)
{
    uint k = 0u, p = at;
    for (; k + BATCH <= count; k += BATCH, p += BATCH * pitch) {
        float a[BATCH];
        EACH_OF_BATCH(LOAD_W)
        EACH_OF_BATCH(ADD_W)
    }
    for (; k + 4u <= count; k += 4u, p += 4u * pitch) {
        float a[4];
        FOUR_OF_BATCH(LOAD_W)
        FOUR_OF_BATCH(ADD_W)
    }
    for (; k < count; ++k, p += pitch)
        v += w[p] * VALUE(from + k);
    return v;
}

// b1[r] + the parts of the blocks, each a sum over the block's channels.
float hidden_sum(uint r, uint s)
{
    float v = w[b1_at(channels, hidden) + r];
    for (uint c = 0u; c < channels; c += block)
        v += add_column(0.0, c * pitch_of(hidden) + r, pitch_of(hidden), s + c, min(block, channels - c));
    return v;
}

// b2[c] + W2[0][c] h[0] + ...
float gate_sum(uint c, uint h)
{
    return add_column(w[b2_at(channels, hidden) + c], w2_at(channels, hidden) + c, pitch_of(channels), h, hidden);
}

#endif

#if defined(ROWS) || defined(TEXELS)
// The same for eight columns at once; rows of the weights, of h and of the parts are padded to eight.
struct Eight {
    vec4 low, high;
};

#ifdef TEXELS
layout(binding = 6) uniform samplerBuffer w4;
layout(binding = 7) uniform samplerBuffer t4; // what an earlier step left in t
layout(std430, binding = T_SLOT) writeonly buffer TFours { vec4 t_fours[]; };
layout(std430, binding = T_SLOT) writeonly buffer TEights { u64vec4 t_eights[]; };

Eight load_w(uint at)
{
    return Eight(texelFetch(w4, int(at >> 2)), texelFetch(w4, int(at >> 2) + 1));
}

Eight load_t(uint at)
{
    return Eight(texelFetch(t4, int(at >> 2)), texelFetch(t4, int(at >> 2) + 1));
}

void keep(uint at, Eight v)
{
    store[at >> 2] = v.low;
    store[(at >> 2) + 1u] = v.high;
}

void store_t(uint at, Eight v)
{
    t_eights[at >> 3] = eight_of(v.low, v.high);
}
#else
Eight load_w(uint at)
{
    return Eight(vec4(w[at], w[at + 1u], w[at + 2u], w[at + 3u]), vec4(w[at + 4u], w[at + 5u], w[at + 6u], w[at + 7u]));
}

Eight load_t(uint at)
{
    return Eight(vec4(t[at], t[at + 1u], t[at + 2u], t[at + 3u]), vec4(t[at + 4u], t[at + 5u], t[at + 6u], t[at + 7u]));
}

void store_t(uint at, Eight v)
{
    t[at] = v.low.x;
    t[at + 1u] = v.low.y;
    t[at + 2u] = v.low.z;
    t[at + 3u] = v.low.w;
    t[at + 4u] = v.high.x;
    t[at + 5u] = v.high.y;
    t[at + 6u] = v.high.z;
    t[at + 7u] = v.high.w;
}
#endif

Eight sum_of(Eight a, Eight b)
{
    return Eight(a.low + b.low, a.high + b.high);
}

Eight add_product(Eight v, uint at, float value)
{
    Eight row = load_w(at);
    return Eight(v.low + row.low * vec4(value), v.high + row.high * vec4(value));
}

// With texels `from` is a multiple of four.
Eight add_columns(Eight v, uint at, uint pitch, uint from, uint count)
{
    uint k = 0u;
#ifdef TEXELS
    for (; k + 4u <= count; k += 4u) {
        vec4 values = store[(from + k) >> 2];
        v = add_product(v, at + k * pitch, values.x);
        v = add_product(v, at + (k + 1u) * pitch, values.y);
        v = add_product(v, at + (k + 2u) * pitch, values.z);
        v = add_product(v, at + (k + 3u) * pitch, values.w);
    }
    vec4 rest = store[(from + min(k, count - 1u)) >> 2];
    for (; k < count; ++k) {
        v = add_product(v, at + k * pitch, rest.x);
        rest = rest.yzww;
    }
#else
    for (; k < count; ++k)
        v = add_product(v, at + k * pitch, VALUE(from + k));
#endif
    return v;
}

Eight nothing()
{
    return Eight(vec4(0.0), vec4(0.0));
}

#ifdef ROWS
// The sums of the gates of channels c0, c0 + 8, ... to t[g]; c0 is a multiple of 8.
void gate_sums(uint h, uint g, uint c0, uint count)
{
    for (uint c = 0u; c < count; c += 8u)
        store_t(g + c, add_columns(load_w(b2_at(channels, hidden) + c0 + c), w2_at(channels, hidden) + c0 + c, pitch_of(channels), h, hidden));
}
#endif
#endif
