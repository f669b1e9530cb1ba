/**
 * The third executor: states and mailboxes as plain values, to exhaust every order of a small scenario.
 *
 * <p>It must not know a rule of KVM, and it starts no actor system.
 */
@NullMarked
package org.vcpusim.search;

import org.jspecify.annotations.NullMarked;
