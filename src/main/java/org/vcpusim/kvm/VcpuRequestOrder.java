package org.vcpusim.kvm;

import java.util.Arrays;
import java.util.List;

/**
 * The order in which {@code vcpu_enter_guest} checks requests, in groups between which others may run.
 *
 * <p>KVM_REQ_IOAPIC_EOI_EXIT comes before KVM_REQ_SCAN_IOAPIC, since the EOI was accepted under the old set of vectors; the
 * scan comes before the load that it raises; KVM_REQ_APICV_UPDATE comes after both. KVM_REQ_EVENT is checked apart. Source:
 * arch/x86/kvm/x86.c.
 */
final class VcpuRequestOrder {
    private static final List<List<VcpuRequest>> GROUPS = List.of(
            List.of(
                    VcpuRequest.VM_DEAD,
                    VcpuRequest.DIRTY_RING_SOFT_FULL,
                    VcpuRequest.GET_NESTED_STATE_PAGES,
                    VcpuRequest.MMU_FREE_OBSOLETE_ROOTS,
                    VcpuRequest.MIGRATE_TIMER,
                    VcpuRequest.MASTERCLOCK_UPDATE,
                    VcpuRequest.GLOBAL_CLOCK_UPDATE,
                    VcpuRequest.CLOCK_UPDATE,
                    VcpuRequest.MMU_SYNC,
                    VcpuRequest.LOAD_MMU_PGD,
                    VcpuRequest.TLB_FLUSH,
                    VcpuRequest.TLB_FLUSH_CURRENT,
                    VcpuRequest.TLB_FLUSH_GUEST,
                    VcpuRequest.HV_TLB_FLUSH,
                    VcpuRequest.REPORT_TPR_ACCESS,
                    VcpuRequest.TRIPLE_FAULT,
                    VcpuRequest.APF_HALT,
                    VcpuRequest.STEAL_UPDATE,
                    VcpuRequest.PMU,
                    VcpuRequest.PMI,
                    VcpuRequest.SMI,
                    VcpuRequest.NMI),
            List.of(VcpuRequest.IOAPIC_EOI_EXIT),
            List.of(VcpuRequest.SCAN_IOAPIC),
            List.of(VcpuRequest.LOAD_EOI_EXITMAP),
            List.of(
                    VcpuRequest.APIC_PAGE_RELOAD,
                    VcpuRequest.HV_CRASH,
                    VcpuRequest.HV_RESET,
                    VcpuRequest.HV_EXIT,
                    VcpuRequest.HV_STIMER),
            List.of(VcpuRequest.APICV_UPDATE),
            List.of(
                    VcpuRequest.APF_READY,
                    VcpuRequest.RECALC_INTERCEPTS,
                    VcpuRequest.UPDATE_CPU_DIRTY_LOGGING,
                    VcpuRequest.UPDATE_PROTECTED_GUEST_STATE));

    private static final List<VcpuRequest> ORDER =
            GROUPS.stream().flatMap(List::stream).toList();

    private static final int EOI_EXIT = ORDER.indexOf(VcpuRequest.IOAPIC_EOI_EXIT);
    private static final int LOAD = ORDER.indexOf(VcpuRequest.LOAD_EOI_EXITMAP);

    private static final int[] END_OF_GROUP = ends();
    private static final long[] REST_OF_GROUP = rests(false);
    private static final long[] REST_OF_GROUP_MOVED = rests(true);

    private VcpuRequestOrder() {}

    private static int[] ends() {
        int[] ends = new int[ORDER.size()];
        int end = 0;
        for (List<VcpuRequest> group : GROUPS) {
            Arrays.fill(ends, end, end + group.size(), end + group.size());
            end += group.size();
        }
        return ends;
    }

    private static long[] rests(boolean moved) {
        long[] rests = new long[ORDER.size()];
        for (int position = rests.length - 1; position >= 0; position--) {
            boolean last = END_OF_GROUP[position] == position + 1;
            rests[position] = at(moved, position).mask() | (last ? 0 : rests[position + 1]);
        }
        return rests;
    }

    private static VcpuRequest at(boolean moved, int position) {
        boolean there = moved && position >= EOI_EXIT && position <= LOAD;
        return ORDER.get(there ? (position == LOAD ? EOI_EXIT : position + 1) : position);
    }

    /** How many checks there are. */
    static int size() {
        return ORDER.size();
    }

    /** The request that check {@code position} is about in {@code machine}. */
    static VcpuRequest at(Machine machine, int position) {
        return at(machine.has(Fault.EOI_EXIT_AFTER_SCAN), position);
    }

    /** The position after the group that {@code position} belongs to. */
    static int endOfGroup(int position) {
        return END_OF_GROUP[position];
    }

    /** The bits of the requests from {@code position} to the end of its group. */
    static long restOfGroup(Machine machine, int position) {
        return (machine.has(Fault.EOI_EXIT_AFTER_SCAN) ? REST_OF_GROUP_MOVED : REST_OF_GROUP)[position];
    }
}
