package org.vcpusim.check;

import java.util.Locale;
import java.util.StringJoiner;
import java.util.function.IntFunction;
import org.vcpusim.arch.DeliveryMode;
import org.vcpusim.arch.DestinationMode;
import org.vcpusim.arch.RedirectionEntry;
import org.vcpusim.kvm.ApicvInhibit;
import org.vcpusim.kvm.VcpuRequest;

/** How stories, and the sentences and details of violations, say what the bits of a word mean. */
public final class BitWords {
    private BitWords() {}

    /** The requests that {@code word} holds. */
    public static String requests(long word) {
        StringJoiner names = new StringJoiner(", ", "requests 0x" + Long.toHexString(word) + " (", ")");
        for (VcpuRequest request : VcpuRequest.values()) {
            if ((word & request.mask()) != 0) {
                names.add(request.name());
            }
        }
        return names.toString();
    }

    /** The reasons against APICv in {@code word}. */
    public static String inhibits(long word) {
        return named(word, bit -> ApicvInhibit.values()[bit].name());
    }

    /** The numbers of the bits of {@code word}, such as those of pins. */
    public static String numbers(int word) {
        return named(word & 0xffff_ffffL, Integer::toString);
    }

    private static String named(long word, IntFunction<String> name) {
        StringJoiner names = new StringJoiner(", ").setEmptyValue("none");
        for (long rest = word; rest != 0; rest &= rest - 1) {
            names.add(name.apply(Long.numberOfTrailingZeros(rest)));
        }
        return names.toString();
    }

    /** {@code entry} as scenarios write it; fixed delivery and physical destinations go without saying. */
    public static String entry(RedirectionEntry entry) {
        String mode = entry.deliveryMode() == DeliveryMode.FIXED ? "" : lower(entry.deliveryMode()) + " ";
        boolean logical = entry.destinationMode() == DestinationMode.LOGICAL;
        return "vector " + Vectors.hex(entry.vector()) + " " + lower(entry.triggerMode()) + " " + mode + "to "
                + (logical ? "logical 0x" + Integer.toHexString(entry.destination()) : entry.destination())
                + (entry.masked() ? ", masked" : "") + (entry.remoteIrr() ? ", remote IRR" : "");
    }

    private static String lower(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT).replace('_', ' ');
    }
}
