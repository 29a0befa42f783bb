/* SPDX-License-Identifier: Apache-2.0
 * What somebody must be allowed to do to install Weft, read off the manifests that are installed.
 */
#pragma once
#include <cli/ask.h>
#include <cli/install.h>

/* Pure. [{"attributes", "text", "or"}]: `attributes` are a SubjectAccessReview's
 * resourceAttributes, `text` says the same ("create services in weft-system"), and where the first
 * may be lacking if all of `or` (attributes, too) is held, that is there: RBAC lets nobody give
 * away what he has not, but for who may escalate or bind. New reference. */
json_t *rights_wanted(const struct cli_install_values *v);
/* Asks the API server's own opinion on each; the texts of those that are denied, new reference.
 * Where it does not answer no more is asked: `unread` says why, and NULL is the answer unless
 * something was denied before. */
json_t *rights_denied(struct cli_ask *a, const struct cli_install_values *v, json_t *unread);
