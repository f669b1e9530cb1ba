/**
 * KVM's rules over the words of {@code arch}: vCPUs and their modes, requests, the IOAPIC, the VM, the catalogue of
 * fixes by kernel version, the programs of guests, devices and userspace, and the messages and events they exchange.
 * Every rule is a pure step from one immutable state to the next.
 *
 * <p>It must not know who runs it: no actor, no executor, no trace format, no clock, no thread, no source of
 * randomness, no logger.
 */
@NullMarked
package org.vcpusim.kvm;

import org.jspecify.annotations.NullMarked;
