// What specialises a shader, set by the host at pipeline creation.
layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint GROUP = 1u; // the same number as local_size_x
layout(constant_id = 2) const uint LOCAL = 1u; // form lanes: floats of work-group memory beside the tree's

#ifdef TEXELS
// A group takes neighbouring units, as many as the others: where it is a task on a processor, few groups take all.
uint share_of(uint units)
{
    return (units + gl_NumWorkGroups.x - 1u) / gl_NumWorkGroups.x;
}

uint first_of(uint units)
{
    return gl_WorkGroupID.x * share_of(units);
}

uint end_of(uint units)
{
    return min(units, first_of(units) + share_of(units));
}
#endif

// R' and C' of the catalogue.
uint pitch_of(uint count)
{
    return (count + 7u) & ~7u;
}

// The weights: W1 [channels][R'], b1 [R'], W2 [hidden][C'], b2 [C'].
uint b1_at(uint channels, uint hidden)
{
    return channels * pitch_of(hidden);
}

uint w2_at(uint channels, uint hidden)
{
    return (channels + 1u) * pitch_of(hidden);
}

uint b2_at(uint channels, uint hidden)
{
    return w2_at(channels, hidden) + hidden * pitch_of(channels);
}

// Form lanes: loads that a work-item has under way at once.
#define BATCH 16u
#define FOUR_OF_BATCH(F) F(0u) F(1u) F(2u) F(3u)
#define EACH_OF_BATCH(F) FOUR_OF_BATCH(F) F(4u) F(5u) F(6u) F(7u) F(8u) F(9u) F(10u) F(11u) F(12u) F(13u) F(14u) F(15u)
