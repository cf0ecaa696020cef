/* The matcher on graphs made by hand: spellings, near misses, what is folded, damaged and endless graphs. Files of every
 * spelling, against ONNX Runtime, are in tests/data/onnx. */
#include "io_files.h"

#include <math.h>

#include "formats/match.h"
#include "formats/model.h"
#include "match_graph.h"

/* ---- One line a graph: what is found, as text */

static void describe(const exciton_matches *found, char *text, size_t size)
{
    size_t length = 0;
    text[0] = '\0';
    for (size_t i = 0; i < found->count && length < size; i++) {
        const exciton_model_block *b = &found->items[i].block;
        length += (size_t)snprintf(text + length, size - length, "%s%s %llu %llu", i ? "; " : "", exciton_model_kind_name(b->kind),
                                   (unsigned long long)b->channels, (unsigned long long)b->hidden);
        length += (size_t)snprintf(text + length, size - length, " b%d%d %s %s", b->bias[0], b->bias[1],
                                   exciton_model_activation_name(b->activation), exciton_model_gate_name(b->gate));
        if (b->gate == EXCITON_MODEL_HARD_SIGMOID)
            length += (size_t)snprintf(text + length, size - length, " %.4g %.4g", (double)b->gate_slope, (double)b->gate_offset);
        length += (size_t)snprintf(text + length, size - length, "%s%s%s%s%s%s%s%s", b->residual ? " residual" : "", b->then_add ? " +" : "",
                                   b->then_add ? b->then_add : "", b->then_activation ? " then-" : "",
                                   b->then_activation ? exciton_model_activation_name(b->then_activation) : "",
                                   b->channels_last ? " last" : "", b->circular ? " circular" : "", b->clean ? "" : " unclean");
        if (b->kernel)
            length += (size_t)snprintf(text + length, size - length, " k%llu", (unsigned long long)b->kernel);
        assert_int_equal(b->clean, !b->why);
    }
}

typedef struct wanted {
    const char *graph;
    const char *text; /* as describe() says it */
    const char *near; /* a part of a near miss's reason; "": there is none; NULL: not asked for */
} wanted;

static void expect(const wanted *want)
{
    static mg_graph graph;
    io_files files;
    exciton_matches found;
    char text[1024];
    io_files_init(&files);
    mg_parse(&graph, want->graph);
    if (exciton_matches_find(&files.calls, &graph.graph, &found))
        fail_msg("%s\n%s", want->graph, exciton_last_error());
    describe(&found, text, sizeof text);
    if (strcmp(text, want->text))
        fail_msg("%s\nfound \"%s\", not \"%s\"; near: %s", want->graph, text, want->text, found.near_count ? found.nears[0].why : "none");
    bool near = !want->near || (!*want->near && !found.near_count);
    for (size_t i = 0; i < found.near_count; i++)
        near |= want->near && *want->near && strstr(found.nears[i].why, want->near);
    if (!near)
        fail_msg("%s\nnear is \"%s\", not \"%s\"", want->graph, found.near_count ? found.nears[0].why : "none", want->near);
    exciton_matches_release(&found);
    io_assert_clean(&files);
}

#define X "in x:2,16,5,5\n"
#define GAP "p = GlobalAveragePool x\n"
#define FC1 "a = Conv p #4,16,1,1 #4\n"
#define ACT "h = Relu a\n"
#define FC2 "c = Conv h #16,4,1,1 #16\n"
#define GATE "g = Sigmoid c\n"
#define MUL "y = Mul x g\n"
#define END "z = Neg y\nout z\n"
#define TO_ACT GAP FC1
#define TO_GATE GAP FC1 ACT FC2
#define PLAIN "se 16 4 b11 relu sigmoid"
/* [N,C] on the way */
#define FLAT GAP "f = Flatten p\n"
#define BACK "s = Sigmoid c\ng = Reshape s #i-1,16,1,1\n"

/* ECA as it is traced for one batch, the batch's size written in Reshapes only */
#define TRACED(to, back) \
    "p = ReduceMean x axes=2,3 keepdims=0\nt = Reshape p #i" to "\nc = Conv t #1,1,3 pads=1,1\ns = Sigmoid c\ng = Reshape s #i" back "\n"
#define ANY "in x:?,16,5,5\n"

static const wanted spellings[] = {
    {X TO_GATE GATE MUL END, PLAIN, NULL},
    {"in x\n" TO_GATE GATE MUL END, PLAIN, NULL},
    {X TO_GATE GATE "y = Mul g x\n" END, PLAIN, NULL},
    /* pools */
    {X "p = ReduceMean x axes=2,3\n" FC1 ACT FC2 GATE MUL END, PLAIN, NULL},
    {"in x\np = ReduceMean x axes=2,3\n" FC1 ACT FC2 GATE MUL END, PLAIN, NULL},
    {X "p = ReduceMean x axes=-1,-2 keepdims=1\n" FC1 ACT FC2 GATE MUL END, PLAIN, NULL},
    {X "p = ReduceMean x #i2,3\n" FC1 ACT FC2 GATE MUL END, PLAIN, NULL},
    {X "q = ReduceMean x #i2,3 keepdims=0\np = Unsqueeze q #i2,3\n" FC1 ACT FC2 GATE MUL END, PLAIN, NULL},
    {X "q = ReduceMean x axes=3 keepdims=0\np = ReduceMean q axes=2 keepdims=0\na = MatMul p #16,4\n" ACT
       "c = MatMul h #4,16\n" BACK MUL END, "se 16 4 b00 relu sigmoid", NULL},
    {X "p = AveragePool x kernel_shape=5,5\n" FC1 ACT FC2 GATE MUL END, PLAIN, NULL},
    {X "v = Reshape x #i0,0,-1\nm = ReduceMean v axes=2\np = Unsqueeze m #i3\n" FC1 ACT FC2 GATE MUL END, PLAIN, NULL},
    {X "t = Transpose x perm=0,2,3,1\nm = ReduceMean t axes=1,2\np = Transpose m perm=0,3,1,2\n" FC1 ACT FC2 GATE MUL END, PLAIN, NULL},
    {X "i = Identity x\n" "p = GlobalAveragePool i\n" FC1 ACT FC2 GATE MUL END, PLAIN, NULL},
    {X "i = Identity x\n" "p = GlobalAveragePool i\n" FC1 ACT FC2 GATE "y = Mul i g\n" END, PLAIN, NULL},
    {X "i = Identity x\nr = Relu i\n" "p = GlobalAveragePool i\n" FC1 ACT FC2 GATE "y = Mul x g\n" END, PLAIN " unclean", NULL},
    /* layers */
    {X GAP "a = Conv p #4,16,1,1\n" ACT "c = Conv h #16,4,1,1\n" GATE MUL END, "se 16 4 b00 relu sigmoid", NULL},
    {X GAP "b = Conv p #4,16,1,1\na = Add b #1,4,1,1\n" ACT "d = Conv h #16,4,1,1\nc = Add #16,1,1 d\n" GATE MUL END, PLAIN, NULL},
    {X FLAT "a = Gemm f #4,16 #4 transB=1\n" ACT "c = Gemm h #4,16 #16\n" BACK MUL END, PLAIN, NULL},
    {X FLAT "a = Gemm f #4,16 #1,4 transB=1 alpha=0.5 beta=2\n" ACT "c = Gemm h #4,16\n" BACK MUL END, "se 16 4 b10 relu sigmoid", NULL},
    {X FLAT "q = Gemm #4,16 f #4,1 transB=1\na = Transpose q perm=1,0\n" ACT "c = Gemm h #4,16\n" BACK MUL END, "se 16 4 b10 relu sigmoid", NULL},
    {X FLAT "m = MatMul f #16,4\na = Add m #4\n" ACT "n = MatMul h #4,16\nc = Add #16 n\n" BACK MUL END, PLAIN, NULL},
    {X GAP "b = Conv p #4,16,1,1\na = BatchNormalization b #4 #4 #4 #4\n" ACT FC2 GATE MUL END, PLAIN, NULL},
    {X GAP "b = Conv p #4,16,1,1\na = Mul b #4,1,1\n" ACT FC2 GATE MUL END, "se 16 4 b01 relu sigmoid", NULL},
    {X GAP "a = Conv p #1,16,1,1\n" ACT "c = Conv h #16,1,1,1\n" GATE MUL END, "se 16 1 b00 relu sigmoid", NULL},
    /* constants */
    {X GAP "w = Transpose #16,4,1,1 perm=1,0,2,3\na = Conv p w\n" ACT FC2 GATE MUL END, "se 16 4 b01 relu sigmoid", NULL},
    {X GAP "w = Reshape #4,16 #i4,-1,1,1\na = Conv p w\n" ACT FC2 GATE MUL END, "se 16 4 b01 relu sigmoid", NULL},
    {X GAP "v = Transpose #16,4 perm=1,0\nw = Unsqueeze v #i2,3\na = Conv p w\n" ACT FC2 GATE MUL END, "se 16 4 b01 relu sigmoid", NULL},
    {X GAP "w = ConstantOfShape #i4,16,1,1 value=#1=0.5\na = Conv p w\n" ACT FC2 GATE MUL END, "se 16 4 b01 relu sigmoid", NULL},
    {X GAP "w = Constant value=#4,16,1,1\na = Conv p w\n" ACT FC2 GATE MUL END, "se 16 4 b01 relu sigmoid", NULL},
    /* views */
    {X GAP "q = Squeeze p #i2,3\na = Gemm q #16,4 #4\n" ACT "c = Gemm h #4,16 #16\ns = Sigmoid c\ng = Unsqueeze s axes=2,3\n" MUL END, PLAIN, NULL},
    {X GAP "q = Squeeze p\na = Gemm q #16,4 #4\n" ACT "c = Gemm h #4,16 #16\ns = Sigmoid c\ng = Unsqueeze s axes=2,3\n" MUL END, PLAIN, NULL},
    {X GAP "S = Shape x\nG = Gather S #i0\nk = Concat G #i-1 axis=0\nf = Reshape p k\na = Gemm f #16,4 #4\n" ACT
       "c = Gemm h #4,16 #16\ns = Sigmoid c\nT = Slice S #i0 #i2 #i0\nK = Concat T #i1,1 axis=0\ng = Reshape s K\n" MUL END, PLAIN, NULL},
    {X TO_GATE "s = Sigmoid c\nS = Shape x\ng = Expand s S\n" MUL END, PLAIN, NULL},
    {X TO_GATE "s = Sigmoid c\ng = Tile s #i1,1,5,5\n" MUL END, PLAIN, NULL},
    {X GAP "d,mask = Dropout p\n" "a = Conv d #4,16,1,1 #4\n" ACT FC2 GATE MUL END, PLAIN, NULL},
    {X GAP "Q = QuantizeLinear p #=0.1 #=0\nd = DequantizeLinear Q #=0.1 #=0\na = Conv d #4,16,1,1 #4\n" ACT FC2 GATE MUL END,
     PLAIN " unclean", NULL},
    /* a batch that only a Reshape says */
    {ANY TRACED("1,1,-1", "1,-1,1,1") MUL END, "eca 16 0 b00 identity sigmoid k3", NULL},
    {ANY TRACED("2,1,-1", "2,-1,1,1") "S = Shape x\ne = Expand g S\ny = Mul x e\n" END, "eca 16 0 b00 identity sigmoid k3", NULL},
    {"in i\nin w\nW = Reshape w #i16,3,1,1\nx = Conv i W\n" TRACED("1,1,-1", "1,-1,1,1") MUL END, "eca 16 0 b00 identity sigmoid k3", NULL},
    {ANY GAP "f = Reshape p #i1,-1\na = Gemm f #16,4 #4\n" ACT "c = Gemm h #4,16 #16\ns = Sigmoid c\ng = Reshape s #i1,16,1,1\n" MUL END,
     PLAIN, NULL},
    /* what an exporter writes that folds nothing */
    {X "R = Reshape #i2,3 #i-1 allowzero=0\np = ReduceMean x R\n" FC1 ACT FC2 GATE MUL END, PLAIN, NULL},
    {X FLAT "a = Gemm f #16,4 #4\n" ACT "c = Gemm h #4,16 #16\ns = Sigmoid c\ng = Reshape s #i-1,16,1,1 allowzero=1\n" MUL END, PLAIN, NULL},
    {X GAP "S = Shape #w:4,16,1,1 start=0 end=1\nE = Expand S #i1\nk = CastLike #=0 p\nb = Expand k E\na = Conv p w b\n" ACT FC2 GATE
       MUL END, "se 16 4 b01 relu sigmoid", NULL},
    {X GAP "S = Shape #w:4,16,1,1 end=-3\nE = Expand S #i1\nk = CastLike #=0.5 p\nb = Expand k E\na = Conv p w b\n" ACT FC2 GATE
       MUL END, PLAIN, NULL},
    {X TO_ACT "k = CastLike #=0 a\nK = CastLike #=6 a\nh = Clip a k K\n" FC2 GATE MUL END, "se 16 4 b11 relu6 sigmoid", NULL},
    {X GAP "q = Squeeze p #i2,3\nt = Unsqueeze q #i1\nE = Expand #i1 #i1\nb = Expand #=0 E\nc = Conv t #1,1,5 b pads=2,2\ns = Sigmoid c\n"
       "g = Reshape s #i2,16,1,1\n" MUL END, "eca 16 0 b00 identity sigmoid k5", NULL},
    /* activations */
    {X TO_ACT "c = Conv a #16,4,1,1 #16\n" GATE MUL END, "se 16 4 b11 identity sigmoid", NULL},
    {X TO_ACT "h = Clip a min=0\n" FC2 GATE MUL END, PLAIN, NULL},
    {X TO_ACT "h = Clip a #=0 #=6\n" FC2 GATE MUL END, "se 16 4 b11 relu6 sigmoid", NULL},
    {X TO_ACT "h = LeakyRelu a alpha=0.5\n" FC2 GATE MUL END, "se 16 4 b11 leaky-relu sigmoid", NULL},
    {X TO_ACT "s1 = Sigmoid a\nh = Mul a s1\n" FC2 GATE MUL END, "se 16 4 b11 silu sigmoid", ""},
    {X TO_ACT "s1 = Sigmoid a\nh = Mul s1 a\n" FC2 GATE MUL END, "se 16 4 b11 silu sigmoid", ""},
    {X TO_ACT "s1 = HardSigmoid a\nh = Mul a s1\n" FC2 GATE MUL END, "se 16 4 b11 hard-swish sigmoid", ""},
    {X TO_ACT "h = HardSwish a\n" FC2 GATE MUL END, "se 16 4 b11 hard-swish sigmoid", NULL},
    {X TO_ACT "s1 = Add a #=3\ns2 = Clip s1 #=0 #=6\ns3 = Mul a s2\nh = Div s3 #=6\n" FC2 GATE MUL END, "se 16 4 b11 hard-swish sigmoid", ""},
    /* gates */
    {X TO_GATE "g = HardSigmoid c\n" MUL END, "se 16 4 b11 relu hard-sigmoid 0.2 0.5", NULL},
    {X TO_GATE "g = HardSigmoid c alpha=0.25 beta=0.125\n" MUL END, "se 16 4 b11 relu hard-sigmoid 0.25 0.125", NULL},
    {X TO_GATE "m = Mul c #=0.25\nn = Add #=0.5 m\ng = Clip n #=0 #=1\n" MUL END, "se 16 4 b11 relu hard-sigmoid 0.25 0.5", NULL},
    {X TO_GATE "m = Add c #=3\nn = Clip m #=0 #=6\ng = Div n #=6\n" MUL END, "se 16 4 b11 relu hard-sigmoid 0.1667 0.5", NULL},
    {X TO_GATE "m = Add c #=3\nn = Clip m min=0 max=6\ng = Mul n #1=0.16666667\n" MUL END, "se 16 4 b11 relu hard-sigmoid 0.1667 0.5", NULL},
    {X TO_GATE "m = Add c #=3\nr = Relu m\nn = Min r #=6\ng = Div n #=6\n" MUL END, "se 16 4 b11 relu hard-sigmoid 0.1667 0.5", NULL},
    /* after the Mul */
    {X TO_GATE GATE MUL "z = Add x y\nout z\n", PLAIN " residual", NULL},
    {X TO_GATE GATE MUL "s = Add x y\nz = Relu s\nout z\n", PLAIN " residual then-relu", NULL},
    {X TO_GATE GATE MUL "in o:2,16,5,5\ns = Add o y\nz = Relu s\nout z\n", PLAIN " +o then-relu", NULL},
    {X TO_GATE GATE MUL "z = Relu y\nout z\n", PLAIN " then-relu", NULL},
    {X TO_GATE GATE MUL "z = Add x y\nout z\nout y\n", PLAIN, NULL},
    {X TO_GATE GATE MUL "z = Add x y\nw = Neg y\nout z\nout w\n", PLAIN, NULL},
    {X TO_GATE GATE MUL "z = Add y y\nout z\n", PLAIN, NULL},
    {X TO_GATE GATE MUL "o = Mul y g\nout o\n", PLAIN " unclean", "pools 'x'"},
    /* relatives */
    {X GAP "c = Conv p #16,16,1,1 #16\n" GATE MUL END, "ese 16 0 b10 identity sigmoid", NULL},
    {X GAP "q = Squeeze p #i3\nt = Transpose q perm=0,2,1\nc = Conv t #1,1,5 pads=2,2\nu = Transpose c perm=0,2,1\nv = Unsqueeze u #i3\n"
       "g = Sigmoid v\n" MUL END, "eca 16 0 b00 identity sigmoid k5", NULL},
    {X GAP "t = Reshape p #i0,1,-1\nl = Slice t #i-1 #i9223372036854775807 #i2\nr = Slice t #i0 #i1 #i2\nk = Concat l t r axis=2\n"
       "c = Conv k #1,1,3\ns = Sigmoid c\ng = Reshape s #i0,-1,1,1\n" MUL END, "eca 16 0 b00 identity sigmoid circular k3", NULL},
    {"in x:2,5,5,16\np = ReduceMean x axes=1,2\na = MatMul p #16,4\nh = Relu a\nc = MatMul h #4,16\n" GATE MUL END,
     "se 16 4 b00 relu sigmoid last", NULL},
    {"in x:2,16,9\np = GlobalAveragePool x\na = Conv p #4,16,1\n" ACT "c = Conv h #16,4,1\n" GATE MUL END, "se 16 4 b00 relu sigmoid", NULL},
};

static const wanted misses[] = {
    {X "in o:2,16,5,5\np = GlobalAveragePool o\n" FC1 ACT FC2 GATE MUL END, "", "pools 'o', but the Mul scales 'x'"},
    {X "in o:2,16,5,5\n" TO_GATE GATE "y = Mul o g\n" END, "", "pools 'x', but the Mul scales 'o'"},
    {X TO_GATE GATE "y = Mul #1,16,1,1 g\n" END, "", "pools 'x'"},
    {X TO_GATE GATE "y = Add x g\n" END, "", NULL},
    {X TO_GATE GATE "y = Mul g g\n" END, "", NULL},
    {X TO_GATE "g = Softmax c axis=1\n" MUL END, "", "Softmax is no gate"},
    {X TO_GATE "g = Tanh c\n" MUL END, "", "Tanh is no gate"},
    {X TO_GATE "y = Mul x c\n" END, "", "there is no gate"},
    {X TO_GATE "s = Sigmoid c\ng = Mul s #=2\n" MUL END, "", "Mul is no gate"},
    {X TO_GATE "g = Clip c #=0 #=2\n" MUL END, "", "Clip is no gate"},
    {X TO_ACT ACT "c = Conv h #1,4,1,1\n" GATE MUL END, "", "makes a gate of 1 channels for 16"},
    {X TO_ACT ACT "c = Conv h #8,4,1,1\n" GATE MUL END, "", "makes a gate of 8 channels for 16"},
    {X GAP "a = Conv p #4,8,1,1\n" ACT FC2 GATE MUL END, "", "takes 8 channels of 16"},
    {X GAP FC1 ACT "c = Conv h #16,5,1,1\n" GATE MUL END, "", "takes 5 channels of 4"},
    {X "p = ReduceMean x axes=1\n" FC1 ACT FC2 GATE MUL END, "", "pools over"},
    {X "p = ReduceMean x axes=0,2,3\n" FC1 ACT FC2 GATE MUL END, "", "pools over"},
    {X "p = ReduceMean x\n" FC1 ACT FC2 GATE MUL END, "", "pools over all axes"},
    {X "p = ReduceMean x axes=3\n" FC1 ACT FC2 GATE MUL END, "", "pools over a part"},
    {X "p = AveragePool x kernel_shape=5,4\n" FC1 ACT FC2 GATE MUL END, "", "pools a part of the plane"},
    {X "p = AveragePool x kernel_shape=5,5 auto_pad=SAME_UPPER\n" FC1 ACT FC2 GATE MUL END, "", "kernel or pads"},
    {"in x:2,16,?,?\np = AveragePool x kernel_shape=5,5\n" FC1 ACT FC2 GATE MUL END, "", "not known"},
    {X "p = GlobalMaxPool x\n" FC1 ACT FC2 GATE MUL END, "", "GlobalMaxPool is no part"},
    {X GAP "a = Conv p #4,4,1,1 group=4\n" ACT FC2 GATE MUL END, "", "groups"},
    {X GAP "a = Conv p #4,16,3,3 pads=1,1,1,1\n" ACT FC2 GATE MUL END, "", "kernel is larger"},
    {X GAP "a = Conv p #4,16,1,1 pads=1,1,1,1\n" ACT FC2 GATE MUL END, "", "does not go along"},
    {X "in w:4,16,1,1\n" GAP "a = Conv p w\n" ACT FC2 GATE MUL END, "", "not constant"},
    {X TO_ACT "h = Tanh a\n" FC2 GATE MUL END, "", "Tanh is no part"},
    {X TO_ACT "r = Relu a\nh = Mul r #=2\n" FC2 GATE MUL END, "", "follows the activation"},
    {X GAP "q = Mul p #=2\na = Conv q #4,16,1,1\n" ACT FC2 GATE MUL END, "", "before the first layer"},
    {X GAP "b = Conv p #4,16,1,1\na = Add b #1,1,1,4\n" ACT FC2 GATE MUL END, "", "does not go along"},
    {X GAP "b = Conv p #4,16,1,1\na = BatchNormalization b #4 #4 #4 #4 training_mode=1\n" ACT FC2 GATE MUL END, "", "training"},
    {X FLAT "a = Gemm f #4,16 transB=0\n" ACT "c = Gemm h #4,16\n" BACK MUL END, "", "takes 4 channels"},
    {X FLAT "a = Gemm f #16,4 transA=1\n" ACT "c = Gemm h #4,16\n" BACK MUL END, "", "does not go along"},
    {X TO_GATE "s = Sigmoid c\ng = Transpose s perm=0,2,1,3\n" MUL END, "", "does not lie along"},
    {X TO_GATE "s = Sigmoid c\ng = Reshape s #i-1,16\n" MUL END, "", "does not lie along"},
    {X TO_GATE "s = Sigmoid c\ng = Reshape s #i-1,4,4,1\n" MUL END, "", "more than batch and channels"},
    {X TO_GATE "s = Sigmoid c\ng = Reshape s #i4,8,1,1\n" MUL END, "", "into something else"},
    {X GAP "q = Squeeze p #i3\nt = Transpose q perm=0,2,1\nc = Conv t #1,1,5 pads=1,1\nu = Transpose c perm=0,2,1\nv = Unsqueeze u #i3\n"
       "g = Sigmoid v\n" MUL END, "", "does not keep"},
    {X FLAT "a = Gemm f #16,4 #4\n" ACT "c = Gemm h #4,16 #16\ns = Sigmoid c\ng = Reshape s #i0,16,1,1 allowzero=1\n" MUL END, "",
     "to nothing"},
    {X "v = Reshape x #i0,0,-1 allowzero=1\nm = ReduceMean v axes=2\np = Unsqueeze m #i3\n" FC1 ACT FC2 GATE MUL END, "", NULL},
    {X GAP "b = Expand #=0 #i3\na = Conv p #4,16,1,1 b\n" ACT FC2 GATE MUL END, "", "bias does not go along"},
    {X GAP "w = Expand #4,16,1,1 #i4,16,1,1\na = Conv p w\n" ACT FC2 GATE MUL END, "", "not constant"},
    {X GAP "S = Shape x end=1\nb = Expand #=0 S\na = Conv p #4,16,1,1 b\n" ACT FC2 GATE MUL END, "", "bias is not constant"},
    {X "R = Expand #i2,3 #i2\np = ReduceMean x R\n" FC1 ACT FC2 GATE MUL END, "", "not constant"},
    {X TRACED("1,1,-1", "2,16,1,1") MUL END, "", "to be 1"},
    {ANY TRACED("1,1,-1", "-1,16,1,1") MUL END, "", "into something else"},
    {ANY TRACED("2,1,-1", "1,-1,1,1") MUL END, "", "to be 1"},
    {ANY TRACED("2,1,-1", "-1,16,1,1") MUL END, "", "into something else"},
    {ANY TRACED("16,1,-1", "16,-1,1,1") MUL END, "", "into something else"},
    {"in x:?,2,5,5\n" TRACED("2,1,-1", "2,-1,1,1") MUL END, "", "into something else"},
    {"in i\nin w\nW = Reshape w #i-1,3,1,1\nx = Conv i W\n" TRACED("1,1,-1", "1,-1,1,1") MUL END, "", "to be 1"},
    {"in i\nin w\nx = Conv i w\n" TRACED("1,1,-1", "1,-1,1,1") MUL END, "", "to be 1"},
    {"in x:?,?,5,5\n" TRACED("1,1,-1", "1,-1,1,1") MUL END, "", "to be 1"},
    {X GAP "d = Dropout p - #=1\na = Conv d #4,16,1,1 #4\n" ACT FC2 GATE MUL END, "", NULL},
    {X "s = Sigmoid x\ny = Mul x s\n" END, "", NULL},
};

static const wanted unclean[] = {
    {X TO_GATE GATE MUL END "o = Neg p\nout o\n", PLAIN " unclean", NULL},
    {X TO_GATE GATE MUL END "o = Neg h\nout o\n", PLAIN " unclean", NULL},
    {X TO_GATE GATE MUL END "o = Neg g\nout o\n", PLAIN " unclean", NULL},
    {X TO_GATE GATE MUL END "out p\n", PLAIN " unclean", NULL},
    {X TO_GATE GATE MUL END "out g\n", PLAIN " unclean", NULL},
    {X TO_GATE GATE MUL "o = Mul x g\nout o\n" END, PLAIN " unclean; " PLAIN " unclean", NULL},
    {X GAP "d,m = Dropout p\na = Conv d #4,16,1,1 #4\n" ACT FC2 GATE MUL END "out m\n", PLAIN " unclean", NULL},
    {X TO_GATE GATE MUL END "o = Shape p\nout o\n", PLAIN, NULL},
    {X TO_GATE GATE MUL END "o = CastLike #=0 p\nout o\n", PLAIN, NULL},
    {X TO_GATE GATE MUL END "o = CastLike p #=0\nout o\n", PLAIN " unclean", NULL},
};

static void finds_spellings(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof spellings / sizeof *spellings; i++)
        expect(&spellings[i]);
    assert_true(sizeof spellings / sizeof *spellings >= 40);
}

static void refuses_near_misses(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof misses / sizeof *misses; i++)
        expect(&misses[i]);
    for (size_t i = 0; i < sizeof unclean / sizeof *unclean; i++)
        expect(&unclean[i]);
}

/* ---- Weights */

static exciton_status open_text(io_files *files, mg_graph *graph, const char *text, exciton_model **model)
{
    io_files_init(files);
    mg_parse(graph, text);
    return exciton_model_from_graph(&files->calls, &graph->graph, "some.onnx", model);
}

static double element(const mg_graph *graph, const char *name, uint64_t index)
{
    for (uint32_t i = 0; i < graph->graph.value_count; i++)
        if (!strcmp(graph->values[i].name, name))
            return mg_element(&graph->constants[graph->values[i].constant], index);
    fail_msg("no constant %s", name);
    return 0;
}

static void folds_in_double(void **state)
{
    (void)state;
    static mg_graph graph;
    io_files files;
    exciton_model *model;
    exciton_se se = {.group_size = 64};
    assert_int_equal(open_text(&files, &graph, X GAP
        "f = Flatten p\nm = Gemm f #w:16,4 #b:4 alpha=0.5 beta=3\na = BatchNormalization m #s:4=2,3,4,5 #t:4 #u:4 #v:4=1,2,3,4 epsilon=0.5\n" ACT
        "c = Gemm h #W:16,4 transB=1\n" "s = HardSigmoid c\ng = Reshape s #i0,-1,1,1\n" MUL "z = Add y x\nout z\n", &model), EXCITON_OK);
    assert_int_equal(exciton_model_se(model, 0, &se), EXCITON_OK);
    assert_int_equal(se.channels, 16);
    assert_int_equal(se.hidden, 4);
    assert_int_equal(se.group_size, 64);
    assert_int_equal(se.output, EXCITON_OUTPUT_RESIDUAL);
    assert_int_equal(se.gate, EXCITON_GATE_HARD_SIGMOID_CUSTOM);
    assert_true(se.gate_slope == 0.2f && se.gate_offset == 0.5f);
    assert_null(se.fc2.bias);
    for (uint64_t o = 0; o < 4; o++) {
        double factor = element(&graph, "s", o) / sqrt(element(&graph, "v", o) + 0.5);
        for (uint64_t i = 0; i < 16; i++) {
            double w = element(&graph, "w", i * 4 + o);
            assert_true(fabs(((const float *)se.fc1.data)[o * 16 + i] - 0.5 * w * factor) < 1e-7);
            assert_true(((const float *)se.fc2.data)[i * 4 + o] == (float)element(&graph, "W", i * 4 + o));
        }
        double bias = (3 * element(&graph, "b", o) - element(&graph, "u", o)) * factor + element(&graph, "t", o);
        assert_true(fabs(((const float *)se.fc1.bias)[o] - bias) < 1e-6);
    }
    const void *again = se.fc1.data;
    assert_int_equal(exciton_model_se(model, 0, &se), EXCITON_OK);
    assert_ptr_equal(se.fc1.data, again);
    exciton_model_close(model);
    io_assert_clean(&files);
}

static void refuses_by_field(void **state)
{
    (void)state;
    static const struct { const char *graph, *field; } cases[] = {
        {X GAP "c = Conv p #16,16,1,1 #16\n" GATE MUL END, "kind: ese"},
        {X TO_ACT "h = Clip a #=0 #=6\n" FC2 GATE MUL END, "activation: relu6"},
        {X TO_ACT "h = Clip a #=-1 #=6\n" FC2 GATE MUL END, "activation: clip"},
        {X TO_ACT "h = LeakyRelu a\n" FC2 GATE MUL END, "activation: leaky-relu"},
        {X TO_ACT "s1 = HardSigmoid a\nh = Mul a s1\n" FC2 GATE MUL END, "activation: hard-swish with another slope"},
        {X TO_GATE GATE MUL "in o\nz = Add o y\nout z\n", "then.add: o"},
        {"in x:2,5,5,16\np = ReduceMean x axes=1,2\na = MatMul p #16,4\nh = Relu a\nc = MatMul h #4,16\n" GATE MUL END, "layout: channels last"},
        {X GAP "w = DequantizeLinear #4,16,1,1 #=0.1 #=0\na = Conv p w\n" ACT FC2 GATE MUL END, "weights: quantized"},
    };
    static mg_graph graph;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        io_files files;
        exciton_model *model;
        exciton_se se = {.channels = 7}, before = se;
        assert_int_equal(open_text(&files, &graph, cases[i].graph, &model), EXCITON_OK);
        assert_int_equal(exciton_model_block_count(model), 1);
        assert_int_equal(exciton_model_se(model, 0, &se), EXCITON_ERROR_UNSUPPORTED);
        io_assert_line("some.onnx", cases[i].field);
        assert_memory_equal(&se, &before, sizeof se);
        exciton_model_close(model);
        io_assert_clean(&files);
    }
}

/* ---- Names */

#define BLOCK(n, w1, w2) \
    "p" n " = GlobalAveragePool x\na" n " = Conv p" n " #" w1 ":4,16,1,1\nh" n " = Relu a" n "\nc" n " = Conv h" n " #" w2 ":16,4,1,1\n" \
    "g" n " = Sigmoid c" n "\ny" n " = Mul x g" n "\nout y" n "\n"

static void names_blocks(void **state)
{
    (void)state;
    static const struct { const char *graph, *names[3]; } cases[] = {
        {X BLOCK("1", "layer1.0.se.fc1.weight", "layer1.0.se.fc2.weight") BLOCK("2", "b.se.conv_reduce.weight", "b.se.conv_expand.weight"),
         {"layer1.0.se", "b.se"}},
        {X BLOCK("1", "conv2_se_1_weights", "conv2_se_2_weights") BLOCK("2", "conv3_se_1_weights", "conv3_se_2_weights"),
         {"conv2_se", "conv3_se"}},
        {X BLOCK("1", "conv2d_1.w_0", "conv2d_2.w_0") BLOCK("2", "conv2d_3.w_0", "conv2d_4.w_0"), {"y1", "y2"}},
        {X BLOCK("1", "onnx--Conv_1", "onnx--Conv_2"), {"onnx--Conv"}},
        {X BLOCK("1", "k.a", "k.b") "w = Mul x g1\nout w\n", {"y1", "w"}},
        {X BLOCK("1", "1", "2") BLOCK("2", "3", "4"), {"y1", "y2"}},
    };
    static mg_graph graph;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        io_files files;
        exciton_model *model;
        assert_int_equal(open_text(&files, &graph, cases[i].graph, &model), EXCITON_OK);
        for (uint32_t b = 0; b < exciton_model_block_count(model); b++) {
            exciton_model_block block;
            uint32_t index;
            assert_int_equal(exciton_model_block_describe(model, b, &block), EXCITON_OK);
            assert_string_equal(block.name, cases[i].names[b]);
            assert_int_equal(exciton_model_block_find(model, block.name, &index), EXCITON_OK);
            assert_int_equal(index, b);
        }
        uint32_t index;
        assert_int_equal(exciton_model_block_find(model, "nowhere", &index), EXCITON_ERROR_NAME);
        io_assert_line("some.onnx", cases[i].names[0]);
        exciton_model_close(model);
        io_assert_clean(&files);
    }
}

/* Every name the same: numbers make them unique. */
static void numbers_equal_names(void **state)
{
    (void)state;
    static mg_graph graph;
    io_files files;
    exciton_model *model;
    mg_parse(&graph, X BLOCK("1", "k1", "k2") BLOCK("2", "k3", "k4") BLOCK("3", "k5", "k6"));
    for (uint32_t i = 0; i < graph.graph.value_count; i++)
        strcpy(graph.values[i].name, i % 2 ? "a:b" : "a:b.2");
    for (uint32_t i = 0; i < graph.graph.node_count; i++)
        strcpy(graph.nodes[i].name, "\n:");
    io_files_init(&files);
    assert_int_equal(exciton_model_from_graph(&files.calls, &graph.graph, "some.onnx", &model), EXCITON_OK);
    assert_int_equal(exciton_model_block_count(model), 3);
    for (uint32_t a = 0; a < 3; a++) {
        exciton_model_block one, two;
        assert_int_equal(exciton_model_block_describe(model, a, &one), EXCITON_OK);
        assert_null(strpbrk(one.name, ":\n"));
        for (uint32_t b = 0; b < a; b++) {
            assert_int_equal(exciton_model_block_describe(model, b, &two), EXCITON_OK);
            assert_string_not_equal(one.name, two.name);
        }
    }
    exciton_model_close(model);
    io_assert_clean(&files);
}

/* ---- Failures */

static const char *const two_blocks = X BLOCK("1", "s.fc1.weight", "s.fc2.weight") "p2 = GlobalMaxPool x\na2 = Conv p2 #4,16,1,1\n"
    "h2 = Relu a2\nc2 = Conv h2 #16,4,1,1\ng2 = Sigmoid c2\ny2 = Mul x g2\n" "o = Neg g1\nout o\n";

static void survives_every_failure(void **state)
{
    (void)state;
    static mg_graph graph;
    mg_parse(&graph, two_blocks);
    for (uint64_t fail_at = 1;; fail_at++) {
        io_files files;
        exciton_model *model;
        exciton_se se = {0};
        io_files_init(&files);
        files.fail_at = fail_at;
        exciton_status failed = exciton_model_from_graph(&files.calls, &graph.graph, "some.onnx", &model);
        if (!failed)
            failed = exciton_model_se(model, 0, &se);
        exciton_model_close(model);
        io_assert_clean(&files);
        if (!failed) {
            assert_true(files.count < fail_at);
            break;
        }
        assert_int_equal(failed, EXCITON_ERROR_MEMORY);
    }
    io_files files;
    exciton_model *model;
    assert_int_equal(open_text(&files, &graph, X TO_GATE "m = Add c #s\nn = Clip m #=0 #=6\ng = Div n #=6\n" MUL END, &model), EXCITON_ERROR_FILE);
    io_assert_clean(&files);
}

static void checks_arguments(void **state)
{
    (void)state;
    static mg_graph graph;
    io_files files;
    exciton_model *model;
    exciton_model_block block;
    exciton_model_near near;
    exciton_se se = {.size = 8};
    uint32_t index;
    assert_int_equal(open_text(&files, &graph, two_blocks, &model), EXCITON_OK);
    assert_int_equal(exciton_model_block_describe(model, 1, &block), EXCITON_ERROR_ARGUMENT);
    assert_int_equal(exciton_model_block_describe(NULL, 0, &block), EXCITON_ERROR_ARGUMENT);
    assert_int_equal(exciton_model_near_count(model), 1);
    assert_int_equal(exciton_model_near_describe(model, 0, &near), EXCITON_OK);
    assert_string_equal(near.at, "p2");
    assert_int_equal(exciton_model_near_describe(model, 1, &near), EXCITON_ERROR_ARGUMENT);
    assert_int_equal(exciton_model_block_find(model, NULL, &index), EXCITON_ERROR_ARGUMENT);
    assert_int_equal(exciton_model_se(model, 0, &se), EXCITON_ERROR_ARGUMENT);
    assert_int_equal(exciton_model_se(model, 5, &se), EXCITON_ERROR_ARGUMENT);
    exciton_model_close(model);
    assert_int_equal(exciton_model_open(NULL, &model), EXCITON_ERROR_ARGUMENT);
    assert_null(model);
    assert_int_equal(exciton_model_block_count(NULL), 0);
    exciton_model_close(NULL);
    assert_string_equal(exciton_model_kind_name((exciton_model_kind)9), "unknown");
    assert_int_equal(open_text(&files, &graph, two_blocks, &model), EXCITON_OK);
    exciton_model_close(model);
}

/* ---- Any graph at all */

static const char *const some_ops[] = {
    "Add", "AveragePool", "BatchNormalization", "Cast", "Clip", "Concat", "Constant", "ConstantOfShape", "Conv", "DequantizeLinear", "Div",
    "Dropout", "Expand", "Flatten", "Gather", "Gemm", "GlobalAveragePool", "HardSigmoid", "HardSwish", "Identity", "LeakyRelu", "MatMul", "Max",
    "Min", "Mul", "Mul", "Mul", "PRelu", "Pad", "QuantizeLinear", "ReduceMean", "Relu", "Reshape", "Shape", "Sigmoid", "Slice", "Squeeze", "Sub",
    "Tile", "Transpose", "Unsqueeze", "GlobalMaxPool", "Nothing",
};

/* Edges, operators and attributes of a good graph changed at random: cycles, operands that are not there, wild axes. */
static void mutate(mg_graph *graph, uint64_t *seed)
{
    for (uint64_t left = 1 + io_random(seed) % 6; left; left--) {
        mg_node *node = &graph->nodes[io_random(seed) % graph->graph.node_count];
        switch (io_random(seed) % 6) {
        case 0:
            strcpy(node->op, some_ops[io_random(seed) % (sizeof some_ops / sizeof *some_ops)]);
            break;
        case 1:
            node->input_count = (uint32_t)(io_random(seed) % 6);
            break;
        case 2:
            if (node->attribute_count && node->attributes[0].kind != EXCITON_ATTRIBUTE_TENSOR) { /* whose index is always good */
                mg_attribute *a = &node->attributes[io_random(seed) % node->attribute_count];
                a->ints[io_random(seed) % 8] = (int64_t)(io_random(seed) % 3 ? io_random(seed) % 9 - 4 : io_random(seed));
                a->count = io_random(seed) % 9;
                a->kind = (exciton_attribute_kind)(io_random(seed) % 4);
            }
            break;
        case 3: {
            mg_constant *c = &graph->constants[io_random(seed) % graph->constant_count];
            c->header.rank = (uint32_t)(io_random(seed) % 6);
            c->header.count = 1;
            for (uint32_t i = 0; i < c->header.rank; i++)
                c->header.count *= c->header.shape[i] = io_random(seed) % 5 ? 1 + io_random(seed) % 16 : io_random(seed) % 3;
            break;
        }
        default:
            node->inputs[io_random(seed) % MG_EDGES] = io_random(seed) % 8 ? (uint32_t)(io_random(seed) % graph->graph.value_count) : EXCITON_NO_VALUE;
            break;
        }
    }
}

static void survives_any_graph(void **state)
{
    (void)state;
    static mg_graph graph;
    uint64_t seed = (uint64_t)time(NULL) | 1, found = 0;
    printf("seed %llu\n", (unsigned long long)seed);
    fflush(stdout);
    size_t cases = sizeof spellings / sizeof *spellings;
    for (size_t round = 0; round < 20000; round++) {
        mg_parse(&graph, spellings[round % cases].graph);
        mutate(&graph, &seed);
        io_files files;
        exciton_model *model;
        io_files_init(&files);
        if (!exciton_model_from_graph(&files.calls, &graph.graph, "some.onnx", &model)) {
            for (uint32_t i = 0; i < exciton_model_block_count(model); i++, found++) {
                exciton_se se = {0};
                exciton_model_se(model, i, &se);
            }
        }
        exciton_model_close(model);
        io_assert_clean(&files);
    }
    assert_true(found > 1000);
}

/* Two nodes that compute from each other, everywhere in the place of one. */
static void survives_cycles(void **state)
{
    (void)state;
    static mg_graph graph;
    static const char *const ops[] = {"Identity", "Relu", "Mul", "Add", "Reshape", "Transpose", "Concat", "Conv", "Sigmoid", "ReduceMean", "Clip"};
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
        for (size_t k = 0; k < sizeof ops / sizeof *ops; k++) {
            char text[512];
            io_files files;
            exciton_matches found;
            snprintf(text, sizeof text, "a = %s b b\nb = %s a a\ng = Sigmoid b\ny = Mul a g\nz = Mul b a\nw = Mul g g\n", ops[i], ops[k]);
            io_files_init(&files);
            mg_parse(&graph, text);
            assert_int_equal(exciton_matches_find(&files.calls, &graph.graph, &found), EXCITON_OK);
            assert_int_equal(found.count, 0);
            exciton_matches_release(&found);
            io_assert_clean(&files);
        }
}

/* An output that nobody named is legal for an operator's optional ones only; and axes may be there without a number. */
static void survives_absent_outputs(void **state)
{
    (void)state;
    static mg_graph graph;
    static const char *const texts[] = {X "p = GlobalAveragePool x\n" FC1 ACT FC2 GATE MUL END,
                                        X "p = GlobalAveragePool x\n" FC1 ACT FC2 GATE "m = Mul x g\ny = Add m x\n" END};
    for (size_t i = 0; i < 2; i++) {
        io_files files;
        exciton_matches found;
        io_files_init(&files);
        mg_parse(&graph, texts[i]);
        for (uint32_t n = 0; n < graph.graph.node_count; n++)
            if (!strcmp(graph.nodes[n].name, "y"))
                graph.nodes[n].outputs[0] = EXCITON_NO_VALUE;
        assert_int_equal(exciton_matches_find(&files.calls, &graph.graph, &found), EXCITON_OK);
        assert_int_equal(found.count, 0);
        assert_int_equal(found.near_count, 1);
        assert_non_null(strstr(found.nears[0].why, "no name"));
        exciton_matches_release(&found);
        io_assert_clean(&files);
    }
}

int main(void)
{
    (void)io_files_init_image;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_spellings), cmocka_unit_test(refuses_near_misses), cmocka_unit_test(folds_in_double),
        cmocka_unit_test(refuses_by_field), cmocka_unit_test(names_blocks), cmocka_unit_test(numbers_equal_names),
        cmocka_unit_test(survives_every_failure), cmocka_unit_test(checks_arguments), cmocka_unit_test(survives_any_graph),
        cmocka_unit_test(survives_cycles), cmocka_unit_test(survives_absent_outputs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
