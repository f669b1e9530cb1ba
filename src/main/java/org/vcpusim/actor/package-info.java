/**
 * The Pekko shell: actors that hold one state of {@code kvm} each, hand it one message at a time and pass on what it
 * puts out.
 *
 * <p>It must not know a rule of KVM, nor the order in which actors are picked.
 */
@NullMarked
package org.vcpusim.actor;

import org.jspecify.annotations.NullMarked;
