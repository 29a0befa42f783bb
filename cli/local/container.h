/* SPDX-License-Identifier: Apache-2.0
 * A container's manifest as a process: which program, its arguments, environment and folder.
 * Pure but for the look-up of the program. */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <weft/base/status.h>

struct local_command {
    char **argv;     /* NULL-terminated; argv[0] is the program as asked for */
    char **envp;     /* NULL-terminated */
    const char *cwd; /* borrowed from the manifest; "/" if none is given */
};

/* `pod` needs status.podIP for downward values. $(NAME) in command, args and env is expanded as the
 * kubelet does. The program is command[0], else the last element of the image's name. */
void local_command_init(struct local_command *c, const json_t *pod, const json_t *container);
void local_command_done(struct local_command *c);
/* The last path element of an image's name without tag and digest; free() it. */
char *local_image_program(const char *image);
/* Path of a program: an absolute path that exists, else its last element below `bin_dir`, else in
 * $PATH. free() it; NULL if there is none. */
char *local_find_program(const char *name, const char *bin_dir);
