/* programs/milliwatt/main.c - picks the command.     SPDX-License-Identifier: Apache-2.0 */
#include "command.h"

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

int main(int argc, char **argv)
{
    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        print_help();
        return argc < 2 ? EXIT_USAGE : EXIT_OK;
    }
    if (strcmp(argv[1], "--version") == 0) {
        (void)printf("milliwatt %s\n", mw_version());
        return EXIT_OK;
    }
    for (size_t i = 0; commands[i] != NULL; i++)
        if (strcmp(argv[1], commands[i]->name) == 0) return commands[i]->run(argc - 2, argv + 2);
    (void)fprintf(stderr, "milliwatt: no command '%s'; 'milliwatt --help' lists them\n", argv[1]);
    return EXIT_USAGE;
}
