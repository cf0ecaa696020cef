/* Graphs as the text of match_graph.h: spellings of a block, near misses, blocks of which more is used than their output. For the
 * tests of the matcher, and as inputs of fuzz_match (tests/fuzz/match_seeds.c). */
#ifndef EXCITON_TESTS_MATCH_TEXTS_H
#define EXCITON_TESTS_MATCH_TEXTS_H

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

typedef struct wanted {
    const char *graph;
    const char *text; /* as describe() of test_match.c says it */
    const char *near; /* a part of a near miss's reason; "": there is none; NULL: not asked for */
} wanted;

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

/* ---- Blocks with weights of these names */

#define BLOCK(n, w1, w2) \
    "p" n " = GlobalAveragePool x\na" n " = Conv p" n " #" w1 ":4,16,1,1\nh" n " = Relu a" n "\nc" n " = Conv h" n " #" w2 ":16,4,1,1\n" \
    "g" n " = Sigmoid c" n "\ny" n " = Mul x g" n "\nout y" n "\n"

static const char *const two_blocks = X BLOCK("1", "s.fc1.weight", "s.fc2.weight") "p2 = GlobalMaxPool x\na2 = Conv p2 #4,16,1,1\n"
    "h2 = Relu a2\nc2 = Conv h2 #16,4,1,1\ng2 = Sigmoid c2\ny2 = Mul x g2\n" "o = Neg g1\nout o\n";

#endif
