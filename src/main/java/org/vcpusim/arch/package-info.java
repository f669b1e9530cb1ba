/**
 * The hardware's words, as immutable values: vectors, redirection entries, local APIC registers, the posted-interrupt
 * descriptor, VMCS fields, and what the Intel SDM says about them.
 *
 * <p>It must not know KVM: no request, no vCPU, no policy of a hypervisor. Nothing here has a clock, a thread, a
 * source of randomness, or a logger.
 */
@NullMarked
package org.vcpusim.arch;

import org.jspecify.annotations.NullMarked;
