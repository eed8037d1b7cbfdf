/* programs/milliwatt/cmd_list.c - the tables of this build.
 * SPDX-License-Identifier: Apache-2.0 */
#include "command.h"

#include <string.h>

static int run(int argc, char **argv)
{
    static const char *const columns[] = {"name", "detail"};
    extern const command command_list;
    bool json = false;
    const char *table = NULL;
    const opt opts[] = {OPT_JSON(json)};
    const int done = parse_options(&command_list, argc, argv, opts, N_OPTS(opts), &table, 0, 1);

    if (done >= 0) return done;
    mw_ctx *const ctx = open_ctx();
    receipt *const r = receipt_open("list", json);
    if (table == NULL) {
        static const char *const names[] = {"name", "rows"};
        receipt_table(r, "tables", "", names, 2);
        for (size_t i = 0; mw_list_table(i) != NULL; i++)
            receipt_row(r, (cell[]){TEXT(mw_list_table(i)), UINT(mw_list_size(mw_list_table(i)))});
    } else if (strcmp(table, "commands") == 0) {
        receipt_table(r, table, "", columns, 2);
        for (size_t i = 0; commands[i] != NULL; i++)
            receipt_row(r, (cell[]){TEXT(commands[i]->name), TEXT(commands[i]->summary)});
    } else {
        mw_list_row row;
        if (mw_list_size(table) == 0) {
            receipt_close(r);
            mw_ctx_destroy(ctx);
            return fail_text("no table '%s'; 'milliwatt list' names them", table);
        }
        receipt_table(r, table, "", columns, 2);
        for (size_t i = 0; i < mw_list_size(table); i++)
            if (mw_list_get(ctx, table, i, &row) == MW_OK)
                receipt_row(r, (cell[]){TEXT(row.name), TEXT(row.detail)});
    }
    receipt_close(r);
    mw_ctx_destroy(ctx);
    return EXIT_OK;
}

const command command_list = {
    .name = "list",
    .summary = "what this build holds: operators, layers, passes, formats, devices, ...",
    .usage = "[ops|kernels|layers|passes|formats|devices|data|schemes|qat|methods|io|structures|"
             "prune_schedules|losses|optimizers|schedules|commands]",
    .example = "milliwatt list ops",
    .run = run,
};
