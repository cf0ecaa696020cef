/* match_seeds FOLDER: the graphs of the matcher's unit tests as inputs of fuzz_match, each a file. */
#include "match_bytes.h"

#include "../unit/match_texts.h"

static size_t written;

static void put_seed(const char *folder, const char *text)
{
    static mg_graph graph;
    match_writer w;
    char path[512];
    mg_parse(&graph, text);
    if (!match_put(&w, &graph)) {
        fprintf(stderr, "left out: %s\n", text);
        return;
    }
    snprintf(path, sizeof path, "%s/seed-%03zu", folder, written++);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(w.bytes, 1, w.size, file) != w.size || fclose(file))
        exit(1);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    for (size_t i = 0; i < sizeof spellings / sizeof spellings[0]; i++)
        put_seed(argv[1], spellings[i].graph);
    for (size_t i = 0; i < sizeof misses / sizeof misses[0]; i++)
        put_seed(argv[1], misses[i].graph);
    for (size_t i = 0; i < sizeof unclean / sizeof unclean[0]; i++)
        put_seed(argv[1], unclean[i].graph);
    put_seed(argv[1], two_blocks);
    printf("%zu graphs\n", written);
    return 0;
}
