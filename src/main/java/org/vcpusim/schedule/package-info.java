/**
 * Which actor is next: the choosers, the schedule they write down, and the executor that obeys it.
 *
 * <p>It must not know what an actor is for: it sees names and ready mailboxes. One class here knows Pekko's dispatch.
 */
@NullMarked
package org.vcpusim.schedule;

import org.jspecify.annotations.NullMarked;
