package org.vcpusim.arch;

/**
 * What an operation left of the virtual APIC, and how it ended.
 *
 * @param next the state afterwards; where the outcome is a trap-like VM exit it has all the operation did
 */
public record VirtualApicStep(VirtualApic next, VirtualApicOutcome outcome) {}
