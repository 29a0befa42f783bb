/* SPDX-License-Identifier: Apache-2.0
 * What the controller does with a cluster besides reading it: which replica leads, the authority in
 * its Secret, whose tokens are whose, and what is written back. */
#pragma once
#include <controller/review.h>

struct controller;
struct controller_cluster;
/* In c: kube, store, ca and discovery are there already. */
struct controller_cluster *controller_cluster_new(struct controller *c);
/* Review of ServiceAccount tokens, for signing. */
struct controller_review *controller_cluster_review(struct controller_cluster *k);
/* The store, or what it means, changed. */
void controller_cluster_look(struct controller_cluster *k);
void controller_cluster_ca_changed(struct controller_cluster *k);
/* NULL when all that others rely on is in place, else what is missing. */
const char *controller_cluster_unready(struct controller_cluster *k);
/* Leads no more, and says so; `done` follows, not from inside this call. */
void controller_cluster_release(struct controller_cluster *k, void (*done)(void *ud), void *ud);
struct controller_cluster *controller_cluster_free(struct controller_cluster *k);
