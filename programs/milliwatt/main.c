/* programs/milliwatt/main.c - picks the command.     SPDX-License-Identifier: Apache-2.0 */
#include "command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define COMMAND(id) extern const command command_##id;
#include "commands.def"
#undef COMMAND

const command *const commands[] = {
#define COMMAND(id) &command_##id,
#include "commands.def"
#undef COMMAND
    NULL,
};

static void print_help(void)
{
    (void)printf("milliwatt %s: small, fast, exact inference for TensorFlow and Keras models\n\n"
                 "usage: milliwatt COMMAND ...\n\n",
                 mw_version());
    for (size_t i = 0; commands[i] != NULL; i++)
        (void)printf("  %-10s %s\n", commands[i]->name, commands[i]->summary);
    (void)printf("\n'milliwatt COMMAND --help' tells its options, with an example.\n"
                 "Every command takes --json: its receipt as JSON on standard output.\n");
}

/* What cannot be written must not look like success to a program that reads it. */
static int finish(int status)
{
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout)) return status;
    return fail_text("standard output: %s", errno != 0 ? strerror(errno) : "cannot be written");
}

static const command *find(const char *name)
{
    for (size_t i = 0; commands[i] != NULL; i++)
        if (strcmp(name, commands[i]->name) == 0) return commands[i];
    return NULL;
}

static int run(int argc, char **argv)
{
    static char help[] = "--help";
    const bool asks = argc >= 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
                                    strcmp(argv[1], "help") == 0);

    if (argc < 2 || (asks && argc == 2)) {
        print_help();
        return asks ? EXIT_OK : EXIT_USAGE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        (void)printf("milliwatt %s\n", mw_version());
        return EXIT_OK;
    }
    const char *const name = argv[asks ? 2 : 1];
    const command *const c = find(name);
    if (c == NULL)
        return fail_text("no command '%s'; 'milliwatt --help' lists them", name), EXIT_USAGE;
    return asks ? c->run(1, (char *[]){help}) : c->run(argc - 2, argv + 2);
}

int main(int argc, char **argv) { return finish(run(argc, argv)); }
