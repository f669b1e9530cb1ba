package org.vcpusim.kvm;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.vcpusim.kvm.Event.IrqChip;

/** Where GSIs lead, and which tables KVM_SET_GSI_ROUTING takes. */
class RoutingTest {
    private static final Machine MACHINE = Fixtures.apicvActive(1);

    private static String routes(Routing.Preset preset, int gsi) {
        return String.join(
                ", ",
                Routing.of(preset).of(gsi).stream()
                        .map(Routing.ChipRoute.class::cast)
                        .map(route -> route.chip() + " " + route.pin())
                        .toList());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, emptyValue = "", textBlock = """
        gsi | ioapic    | default                  | pcat                     | reason
        0   | IOAPIC 0  | PIC_MASTER 0, IOAPIC 0   | PIC_MASTER 0, IOAPIC 2   | the PIT of a PC
        2   | IOAPIC 2  | PIC_MASTER 2, IOAPIC 2   | ''                       | the cascade
        7   | IOAPIC 7  | PIC_MASTER 7, IOAPIC 7   | PIC_MASTER 7, IOAPIC 7   | the master's last
        8   | IOAPIC 8  | PIC_SLAVE 0, IOAPIC 8    | PIC_SLAVE 0, IOAPIC 8    | the slave's first
        15  | IOAPIC 15 | PIC_SLAVE 7, IOAPIC 15   | PIC_SLAVE 7, IOAPIC 15   | the slave's last
        16  | IOAPIC 16 | IOAPIC 16                | IOAPIC 16                | the IOAPIC alone
        23  | IOAPIC 23 | IOAPIC 23                | IOAPIC 23                | its last pin
        24  | ''        | ''                       | ''                       | nowhere
        """)
    void tablesThatMachinesStartWith(int gsi, String ioapic, String byDefault, String pcat) {
        assertEquals(ioapic, routes(Routing.Preset.IOAPIC, gsi));
        assertEquals(byDefault, routes(Routing.Preset.DEFAULT, gsi));
        assertEquals(pcat, routes(Routing.Preset.PCAT, gsi));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        gsi  | chip       | pin | split | valid | reason
        0    | IOAPIC     | 0   | false | true  | the first
        4095 | IOAPIC     | 23  | false | true  | the last
        -1   | IOAPIC     | 0   | false | false | no GSI
        4096 | IOAPIC     | 0   | false | false | no GSI
        5    | IOAPIC     | 24  | false | false | no pin
        5    | IOAPIC     | -1  | false | false | no pin
        5    | PIC_MASTER | 0   | false | true  | an input
        5    | PIC_SLAVE  | 7   | false | true  | an input
        5    | PIC_SLAVE  | 8   | false | false | no input
        5    | IOAPIC     | 5   | true  | false | the kernel has no IOAPIC
        """)
    @SuppressWarnings("TooManyParameters") // a row of the table
    void aRouteLeadsToWhatThereIs(int gsi, IrqChip chip, int pin, boolean split, boolean valid, String reason) {
        Machine machine = split ? MACHINE.with(Irqchip.split(Ioapic.PINS)) : MACHINE;

        assertEquals(
                valid, Routing.NONE.with(new Routing.ChipRoute(gsi, chip, pin)).isValid(machine), reason);
    }

    /** {@code kvm_msi_route_invalid}. */
    @ParameterizedTest
    @CsvSource({"0, 0x1fee00000, true", "1, 0x1fee00000, false", "1, 0x100fee00000, true"})
    void theUpperHalfOfAnAddressHoldsOnlyDestinationBits(int api, long address, boolean valid) {
        assertEquals(
                valid,
                Routing.NONE.with(new Routing.MsiRoute(5, address, 0x31)).isValid(Fixtures.withApi(MACHINE, api)));
    }

    private static boolean share(Routing.Route first, Routing.Route second) {
        return Routing.NONE.with(first).with(second).isValid(MACHINE);
    }

    @Test
    void aGsiLeadsToEachChipOnceAndToAnythingElseAlone() {
        Routing.Route pin = new Routing.ChipRoute(5, IrqChip.IOAPIC, 5);
        Routing.Route input = new Routing.ChipRoute(5, IrqChip.PIC_MASTER, 5);
        Routing.Route msi = new Routing.MsiRoute(5, 0xfee00000L, 0x31);
        Routing.Route sint = new Routing.SintRoute(5, 0, 2);
        assertEquals(
                List.of(true, false, false, false, false, false),
                List.of(
                        share(pin, input),
                        share(pin, new Routing.ChipRoute(5, IrqChip.IOAPIC, 6)),
                        share(pin, msi),
                        share(msi, pin),
                        share(msi, msi),
                        share(sint, msi)));
        assertEquals(true, share(pin, new Routing.MsiRoute(6, 0xfee00000L, 0x31)), "another GSI");
    }

    @Test
    void withoutAGsiItsRoutesAreGone() {
        Routing routing = Routing.of(Routing.Preset.DEFAULT).without(5);

        assertEquals(List.of(), routing.of(5));
        assertEquals(2, routing.of(6).size());
    }
}
