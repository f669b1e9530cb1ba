package org.vcpusim.kvm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.vcpusim.kvm.RequestSet.Flow;

class RequestSetTest {

    @Test
    void aMadeRequestIsABitInTheWord() {
        RequestSet set = RequestSet.NONE.make(VcpuRequest.EVENT, 0).make(VcpuRequest.LOAD_EOI_EXITMAP, 0);

        assertEquals(1L << 14 | 1L << 31, set.word());
        assertTrue(set.test(VcpuRequest.EVENT));
        assertFalse(set.test(VcpuRequest.SCAN_IOAPIC));
        assertTrue(RequestSet.NONE.isEmpty());
        assertFalse(set.isEmpty());
    }

    @Test
    void aSecondMakeJoinsTheFirstAndKeepsItsSequence() {
        RequestSet set = RequestSet.NONE.make(VcpuRequest.SCAN_IOAPIC, 3).make(VcpuRequest.SCAN_IOAPIC, 4);

        assertEquals(new Flow(VcpuRequest.SCAN_IOAPIC, 1, 3), set.flowOf(VcpuRequest.SCAN_IOAPIC));
        assertTrue(set.clear(VcpuRequest.SCAN_IOAPIC).isEmpty());
    }

    @Test
    void aMakeAfterTheClearIsAFlowOfItsOwn() {
        RequestSet set = RequestSet.NONE
                .make(VcpuRequest.SCAN_IOAPIC, 3)
                .make(VcpuRequest.EVENT, 0)
                .clear(VcpuRequest.SCAN_IOAPIC)
                .make(VcpuRequest.SCAN_IOAPIC, 4);

        assertEquals(new Flow(VcpuRequest.SCAN_IOAPIC, 3, 4), set.flowOf(VcpuRequest.SCAN_IOAPIC));
        assertEquals(new Flow(VcpuRequest.EVENT, 2, 0), set.flowOf(VcpuRequest.EVENT));
    }

    @Test
    void clearingOneLeavesTheOthersInWhateverOrderTheyWereMade() {
        RequestSet set = RequestSet.NONE
                .make(VcpuRequest.NMI, 0)
                .make(VcpuRequest.SMI, 0)
                .make(VcpuRequest.EVENT, 0);

        for (VcpuRequest cleared : new VcpuRequest[] {VcpuRequest.NMI, VcpuRequest.SMI, VcpuRequest.EVENT}) {
            RequestSet rest = set.clear(cleared);
            assertEquals(set.word() & ~cleared.mask(), rest.word());
            assertNull(rest.flowOf(cleared));
            for (VcpuRequest kept : new VcpuRequest[] {VcpuRequest.NMI, VcpuRequest.SMI, VcpuRequest.EVENT}) {
                if (kept != cleared) {
                    assertEquals(set.flowOf(kept), rest.flowOf(kept));
                }
            }
        }
    }

    @Test
    void clearingWhatIsNotSetChangesNothing() {
        RequestSet set = RequestSet.NONE.make(VcpuRequest.EVENT, 0);

        assertSame(set, set.clear(VcpuRequest.SCAN_IOAPIC));
    }
}
