/* SPDX-License-Identifier: Apache-2.0
 * What weft ca status prints. */
#pragma once
#include <cli/ca_adoption.h>

#include <stdio.h>

void cli_ca_view(FILE *out, const struct cli_ca *ca, const struct cli_ca_adoption *a);
void cli_ca_view_json(FILE *out, const struct cli_ca *ca, const struct cli_ca_adoption *a);
