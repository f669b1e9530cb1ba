package org.vcpusim.kvm;

import java.util.List;

/**
 * What user space adds to a VM that runs already.
 *
 * @param vcpus vCPUs that it creates later, ascending
 * @param devices when the first device is assigned to the VM, so that it may post interrupts
 */
public record Hotplug(List<Integer> vcpus, Assignment devices) {
    /** Everything is there from the start. */
    public static final Hotplug NONE = new Hotplug(List.of(), Assignment.FROM_START);

    public Hotplug {
        vcpus = List.copyOf(vcpus);
    }

    /** When the first device is assigned. */
    public enum Assignment {
        FROM_START,
        LATER
    }

    /** Whether {@code vcpu} is created later. */
    boolean brings(int vcpu) {
        return vcpus.contains(vcpu);
    }
}
